"""Alarms, events and dashboard against the table of alarms, and the runbook beside them."""

from __future__ import annotations

import json
import re
from typing import Any

from platform_spec.alarms import STOPPED, Alarm, alarms
from platform_spec.environments import load_environment
from platform_spec.naming import Names
from platform_spec.run_metrics import DIMENSIONS, METRICS, NAMESPACE, PIPELINES_NAMESPACE, QUARANTINED, STUCK
from platform_spec.tasks import load_tasks, with_image
from tests.stacks.conftest import ENVIRONMENTS, ROOT
from tests.stacks.evaluate import Deployment

RUNBOOK = (ROOT / "docs/runbook.md").read_text()


def table(env: str) -> list[Alarm]:
    return alarms(Names(load_environment(env, ROOT)))


def test_one_alarm_per_row_telling_the_topic(deployment: Deployment) -> None:
    made = {a["AlarmName"]: a for a in deployment.resources("monitoring", "AWS::CloudWatch::Alarm").values()}
    assert set(made) == {f"tasklane-{deployment.name}-{alarm.id}" for alarm in table(deployment.name)}
    for alarm in table(deployment.name):
        found = made[f"tasklane-{deployment.name}-{alarm.id}"]
        assert {d["Name"]: d["Value"] for d in found["Dimensions"]} == alarm.dimensions
        assert (found["Namespace"], found["MetricName"], found["Threshold"]) == (
            alarm.namespace,
            alarm.metric,
            alarm.threshold,
        )
        assert found["TreatMissingData"] == ("breaching" if alarm.silence_is_bad else "notBreaching")
        for action in ("AlarmActions", "OKActions"):
            [topic] = found[action]
            assert topic.startswith("<AWS::SNS::Topic/")
        assert found["AlarmDescription"].endswith(f"docs/runbook.md#{alarm.id}")


def test_values_that_cloudwatch_takes(deployment: Deployment) -> None:
    """CloudWatch API, PutMetricAlarm: an alarm looks back over a day at most; a period is 10, 30 or n x 60 seconds."""
    for alarm in table(deployment.name):
        assert alarm.period_seconds % 60 == 0
        assert alarm.period_seconds * alarm.periods <= 86_400
        assert alarm.datapoints <= alarm.periods
        assert len(alarm.description) <= 1024


def test_alarms_on_our_metrics_ask_for_what_the_lanes_write() -> None:
    own = [alarm for env in ENVIRONMENTS for alarm in table(env) if alarm.namespace == NAMESPACE]
    assert {alarm.metric for alarm in own} <= {*METRICS, STUCK}
    written = {frozenset(names) for names in DIMENSIONS}
    assert [alarm.id for alarm in own if frozenset(alarm.dimensions) not in written] == []


def test_alarms_on_pipelines_ask_for_what_their_image_writes() -> None:
    """The image imports nothing of ours: its own words are compared."""
    [alarm] = [alarm for alarm in table("prod") if alarm.namespace == PIPELINES_NAMESPACE]
    written = (ROOT / "task_images/microbiome/src/microbiome/metrics.py").read_text()
    assert f'NAMESPACE = "{PIPELINES_NAMESPACE}"' in written
    assert f'"{QUARANTINED}": "Percent"' in written
    assert (alarm.metric, set(alarm.dimensions)) == (QUARANTINED, {"Environment"})
    assert '["Environment"]' in written


def test_each_alarm_has_an_entry_in_the_runbook_and_no_entry_is_left_over() -> None:
    headings = set(re.findall(r"^### (\S+)$", RUNBOOK, re.MULTILINE))
    ids = {alarm.id for env in ENVIRONMENTS for alarm in table(env)}
    assert headings == ids


def test_only_scheduled_pipelines_can_be_late() -> None:
    late = {env: {alarm.id for alarm in table(env) if alarm.id.startswith("late-")} for env in ("dev", "prod")}
    assert late == {"dev": {"late-lanes_reaper"}, "prod": {"late-lanes_reaper", "late-microbiome_dispatch"}}


def test_rules_see_our_cluster_alone(deployment: Deployment) -> None:
    rules = {r["Name"]: r for r in deployment.resources("monitoring", "AWS::Events::Rule").values()}
    assert set(rules) == {f"tasklane-{deployment.name}-{rule}" for rule in ("stopped", *STOPPED)}
    cluster = f"arn:aws:ecs:{deployment.region}:{deployment.account}:cluster/tasklane-{deployment.name}"
    group = f"arn:aws:logs:{deployment.region}:{deployment.account}:log-group:/tasklane/{deployment.name}/task-events"
    for rule in rules.values():
        assert rule["EventPattern"]["detail"]["clusterArn"] == [cluster]
        assert [target["Arn"] for target in rule["Targets"]] == [group]
    policy = deployment.one("monitoring", "AWS::Logs::ResourcePolicy")
    [statement] = json.loads(policy["PolicyDocument"])["Statement"]
    assert statement["Resource"] == f"{group}:*"


def test_the_topic_is_encrypted_and_takes_only_alarms(deployment: Deployment) -> None:
    topic = deployment.one("monitoring", "AWS::SNS::Topic")
    assert topic["KmsMasterKeyId"].startswith("<AWS::KMS::Key/")
    policy = deployment.one("monitoring", "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    [allow] = [statement for statement in policy if statement["Effect"] == "Allow"]
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": deployment.account}}
    address = load_environment(deployment.name, ROOT).alarm_address
    subscribed = [s["Endpoint"] for s in deployment.resources("monitoring", "AWS::SNS::Subscription").values()]
    assert subscribed == ([address] if address else [])


def test_the_dashboard_shows_every_alarm_and_every_lane(deployment: Deployment) -> None:
    body: dict[str, Any] = json.loads(deployment.one("monitoring", "AWS::CloudWatch::Dashboard")["DashboardBody"])
    [top, *graphs] = body["widgets"]
    assert len(top["properties"]["alarms"]) == len(table(deployment.name))
    text = json.dumps(graphs)
    for task in with_image(load_tasks(ROOT)):
        assert f'"Lane", "{task}"' in text
    places = [(widget["x"], widget["y"]) for widget in body["widgets"]]
    assert len(set(places)) == len(places)

"""Alarms as they reach a person: metric → alarm → topic → queue; a stopped container → event → log group."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from platform_spec.alarms import STOPPED
from tests.security.conftest import ACCOUNT, REGION, ROOT, Platform
from tests.security.universe import CLUSTER, PREFIX

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:{PREFIX}-alarms"
EVENTS = "/tasklane/local/task-events"


@pytest.fixture(scope="module")
def inbox(platform: Platform) -> Callable[[], dict[str, Any]]:
    """Subscribes a queue to the topic of the alarms; gives the next message."""
    sqs = platform.client("sqs")
    url = sqs.create_queue(QueueName="alarm-inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    deliver = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    statement = {**deliver, "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    platform.client("sns").subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn)

    def receive() -> dict[str, Any]:
        while True:
            for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found: dict[str, Any] = json.loads(json.loads(message["Body"])["Message"])
                return found

    return receive


def test_a_refused_request_reaches_the_topic_with_its_runbook_entry(
    platform: Platform, inbox: Callable[[], dict[str, Any]]
) -> None:
    cloudwatch = platform.client("cloudwatch")
    dimensions = [{"Name": "Environment", "Value": "local"}, {"Name": "Outcome", "Value": "refused"}]
    datum = {"MetricName": "Runs", "Dimensions": dimensions, "Value": 1, "Unit": "Count"}
    cloudwatch.put_metric_data(Namespace="Tasklane/Lanes", MetricData=[datum])
    message = inbox()
    assert (message["AlarmName"], message["NewStateValue"]) == (f"{PREFIX}-runs-refused", "ALARM")
    assert message["AlarmDescription"].endswith("docs/runbook.md#runs-refused")


def test_a_log_line_of_a_pipeline_becomes_an_alarm(platform: Platform, inbox: Callable[[], dict[str, Any]]) -> None:
    """What gather prints in its container: log group → metric → alarm → topic → queue."""
    python = ROOT / ".venvs/microbiome/bin/python"
    if not python.exists():
        pytest.skip(f"{python} is not there: make setup")
    script = "from microbiome.metrics import print_sample_metrics; print_sample_metrics(10, 3)"
    env = {**os.environ, "TASKLANE_ENVIRONMENT": "local"}
    line = subprocess.run([python, "-c", script], env=env, capture_output=True, text=True, check=True).stdout.strip()
    logs, where = platform.client("logs"), {"logGroupName": "/tasklane/local/microbiome", "logStreamName": "gather"}
    logs.create_log_stream(**where)
    logs.put_log_events(logEvents=[{"timestamp": int(time.time() * 1000), "message": line}], **where)
    message = inbox()
    assert (message["AlarmName"], message["NewStateValue"]) == (f"{PREFIX}-quarantine-rate", "ALARM")
    assert message["Trigger"]["MetricName"] == "QuarantinedPercent"
    assert message["AlarmDescription"].endswith("docs/runbook.md#quarantine-rate")


def test_every_alarm_tells_the_topic_when_it_goes_off_and_when_it_is_over(
    platform: Platform, inbox: Callable[[], dict[str, Any]]
) -> None:
    cloudwatch = platform.client("cloudwatch")
    names = [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms(AlarmNamePrefix=PREFIX)["MetricAlarms"]]
    assert len(names) > 15
    for state in ("ALARM", "OK"):
        waiting = set()
        for name in names:
            if cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"] != state:
                cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")
                waiting.add(name)
        while waiting:
            message = inbox()
            waiting -= {message["AlarmName"]} if message["NewStateValue"] == state else set()


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited"}, []),
        ({"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError"}, ["failed-to-start"]),
        ({"stopCode": "SpotInterruption", "stoppedReason": "Your Spot Task was interrupted."}, ["spot-interrupted"]),
        ({"stopCode": "UserInitiated", "stoppedReason": "tasklane reaper: its task is failed"}, ["orphan-stopped"]),
        ({"stopCode": "UserInitiated", "stoppedReason": "stopped by hand"}, []),
    ],
    ids=lambda value: str(value)[:40],
)
def test_rules_match_what_they_are_for(platform: Platform, detail: dict[str, str], expected: list[str]) -> None:
    events = platform.client("events")
    event = {
        "id": "1",
        "account": ACCOUNT,
        "region": REGION,
        "time": "2026-01-01T00:00:00Z",
        "source": "aws.ecs",
        "detail-type": "ECS Task State Change",
        "resources": [],
        "detail": {"clusterArn": CLUSTER, "lastStatus": "STOPPED", **detail},
    }
    matched = []
    for rule in ("stopped", *STOPPED):
        pattern = events.describe_rule(Name=f"{PREFIX}-{rule}")["EventPattern"]
        if events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]:
            matched.append(rule)
    assert matched == ["stopped", *expected]


def test_a_container_that_fails_to_start_is_kept_in_the_log_group(platform: Platform) -> None:
    """No image was pushed: ECS stops the task, EventBridge tells, the log group's policy lets it write."""
    started = platform.client("ecs").run_task(
        cluster=PREFIX,
        taskDefinition=f"{PREFIX}-microbiome",
        launchType="FARGATE",
        networkConfiguration=platform.network(),
    )
    task = started["tasks"][0]["taskArn"]
    logs = platform.client("logs")
    while True:
        events = logs.filter_log_events(logGroupName=EVENTS)["events"]
        found = [json.loads(event["message"])["detail"] for event in events]
        kept = [detail for detail in found if detail["taskArn"] == task]
        if kept:
            break
        time.sleep(0.1)
    assert kept[0]["stopCode"] == "TaskFailedToStart"
    assert kept[0]["stoppedReason"].startswith("CannotPullContainerError")

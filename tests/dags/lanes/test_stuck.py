"""Tasks that stay deferred after their container: named and counted, and no others."""

import datetime as dt
import json

import boto3
import pytest
from botocore.stub import ANY, Stubber

from lanes.attempts.reaper import Container
from lanes.attempts.stuck import Ended, report, stuck
from lanes.ecs.reaper import ended_containers

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def container(arn="a", created=60, run_id="r"):
    return Container(arn, "d", run_id, "t", -1, NOW - dt.timedelta(minutes=created))


def ended(minutes, **given):
    return Ended(container(**given), NOW - dt.timedelta(minutes=minutes))


def found(ended, state, running=()):
    told = stuck(ended, running, lambda dag_id, runs: {run: {"t": state} for run in runs}, NOW)
    return [one.arn for one in told]


def test_deferred_long_after_its_container() -> None:
    assert found([ended(11)], "deferred") == ["a"]


@pytest.mark.parametrize("state", ["success", "failed", "running", "queued", "up_for_retry", None])
def test_a_task_that_went_on_is_not_stuck(state) -> None:
    assert found([ended(11)], state) == []


def test_who_has_ended_just_now_is_given_time() -> None:
    assert found([ended(9)], "deferred") == []


def test_a_newer_container_at_work_or_just_ended() -> None:
    assert found([ended(11)], "deferred", running=[container("new", created=5)]) == []
    assert found([ended(50, arn="old", created=90), ended(3, arn="new")], "deferred") == []
    assert found([ended(50, arn="old", created=90), ended(30, arn="new")], "deferred") == ["new"]


def client(service):
    return boto3.client(service, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")


def test_ours_that_have_stopped() -> None:
    told = {"DAG_ID": "d", "RUN_ID": "r", "TASK_ID": "t", "MAP_INDEX": "-1"}
    pairs = [{"name": f"TASKLANE_{name}", "value": value} for name, value in told.items()]
    ours = {
        "taskArn": "ours", "startedBy": "tasklane/x", "createdAt": NOW, "stoppedAt": NOW,
        "overrides": {"containerOverrides": [{"name": "c", "environment": pairs}]},
    }  # fmt: skip
    still_stopping = {**ours, "taskArn": "stopping"}
    del still_stopping["stoppedAt"]
    arns = ["ours", "stopping", "theirs"]
    ecs = client("ecs")
    with Stubber(ecs) as stub:
        stub.add_response("list_tasks", {"taskArns": arns}, {"cluster": "c", "desiredStatus": "STOPPED"})
        tasks = [ours, still_stopping, {"taskArn": "theirs", "startedBy": "a service", "stoppedAt": NOW}]
        stub.add_response("describe_tasks", {"tasks": tasks}, {"cluster": "c", "tasks": arns})
        assert [one.container.arn for one in ended_containers(ecs, "c")] == ["ours"]


@pytest.mark.parametrize("there", [True, False])
def test_their_number_is_a_metric(there, caplog) -> None:
    logs = client("logs")
    with Stubber(logs) as stub:
        if there:
            stub.add_client_error("create_log_stream", "ResourceAlreadyExistsException")
        else:
            stub.add_response("create_log_stream", {}, {"logGroupName": "g", "logStreamName": ANY})
        events = [{"timestamp": int(NOW.timestamp() * 1000), "message": ANY}]
        stub.add_response("put_log_events", {}, {"logGroupName": "g", "logStreamName": ANY, "logEvents": events})
        sent = []
        logs.meta.events.register("provide-client-params.logs.PutLogEvents", lambda params, **_: sent.append(params))
        report(logs, "g", "prod", [container()], NOW)
        stub.assert_no_pending_responses()
    event = json.loads(sent[0]["logEvents"][0]["message"])
    assert (event["StuckDeferred"], event["Environment"]) == (1, "prod")
    assert event["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Tasklane/Lanes"
    assert "stuck: d / r / t is deferred, its container a has ended" in caplog.text


def test_no_metric_where_the_environment_takes_none() -> None:
    report(None, "", "dev", [], NOW)

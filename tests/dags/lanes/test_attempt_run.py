"""An attempt against botocore's own stubber: every request checked against the API model, every answer shape ours."""

import asyncio
import datetime as dt
import io
import json

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from lanes.attempts import retries
from lanes.attempts.failures import Kind
from lanes.ecs import attempt_run
from lanes.ecs import calls as ecs_calls
from lanes.ecs.attempt_run import AttemptRun
from lanes.ecs.calls import AwsCalls
from lanes.ecs.poller import EcsPoller

ARN = "arn:aws:ecs:eu-central-1:111122223333:task/tasklane-dev/0123456789abcdef"
NOW = dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No waiting: budgets so large and delays so short that only the order of things is left."""
    monkeypatch.setattr(retries, "FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(
        AwsCalls, "spare", lambda self, budget: budget != "look"
    )  # no looks into the log of a running container
    monkeypatch.setattr(ecs_calls, "CALLS_PER_SECOND", dict.fromkeys(ecs_calls.CALLS_PER_SECOND, 1e6))


@pytest.fixture
def aws():
    """The three stubbed clients; the test fails on a call that was not expected and on one that was not made."""
    clients = {
        name: boto3.client(name, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
        for name in ("ecs", "logs", "s3")
    }
    stubs = {name: Stubber(client) for name, client in clients.items()}
    for stub in stubs.values():
        stub.activate()
    yield clients, stubs
    for stub in stubs.values():
        stub.assert_no_pending_responses()


def run(aws, launch, look_first=False):
    async def attempt():
        calls = AwsCalls(aws[0])
        attempt = AttemptRun(launch, calls, EcsPoller(calls, launch.cluster))
        outcome = await attempt.run(look_first=look_first)
        run.last_lines = await attempt.confirm_log()
        return outcome

    return asyncio.run(attempt())


def task(status="STOPPED", exit_code=None, arn=ARN, **more):
    container = {"name": "microbiome", "lastStatus": status}
    if exit_code is not None:
        container["exitCode"] = exit_code
    container.update(more.pop("container", {}))
    return {
        "taskArn": arn,
        "lastStatus": status,
        "desiredStatus": "STOPPED" if status == "STOPPED" else "RUNNING",
        "containers": [container],
        "cpu": "1024",
        "memory": "2048",
        "createdAt": NOW,
        **more,
    }


def expect_start(stubs, launch, arn=ARN):
    request = launch.request(0, launch.sizes[0], spot=False)
    stubs["ecs"].add_response("run_task", {"tasks": [task("PROVISIONING", arn=arn)], "failures": []}, request)


def expect_description(stubs, *tasks):
    for described in tasks:
        stubs["ecs"].add_response(
            "describe_tasks",
            {"tasks": [described], "failures": []},
            {"cluster": "tasklane-dev", "tasks": [described["taskArn"]]},
        )


def expect_log(stubs, *lines):
    where = {"logGroupName": "/tasklane/dev/microbiome", "logStreamName": ANY, "startFromHead": True, "limit": ANY}
    events = [{"timestamp": 1, "message": line} for line in lines]
    stubs["logs"].add_response("get_log_events", {"events": events, "nextForwardToken": "f/1"}, where)
    end = {"events": [], "nextForwardToken": "f/1"}
    stubs["logs"].add_response("get_log_events", end, {**where, "nextToken": "f/1"})


def expect_result(stubs, body):
    stream = StreamingBody(io.BytesIO(body), len(body))
    stubs["s3"].add_response(
        "get_object", {"Body": stream, "ContentLength": len(body)}, {"Bucket": "b", "Key": "r.json"}
    )


def test_a_container_that_succeeds(aws, make_launch):
    launch = make_launch(result_uri="s3://b/r.json")
    expect_start(aws[1], launch)
    expect_description(aws[1], task("STOPPED", exit_code=0))
    expect_log(aws[1], "one", "two")
    expect_result(aws[1], json.dumps({"samples": 3}).encode())
    outcome = run(aws, launch)
    assert (outcome.failure, outcome.arn, outcome.result_uri) == (None, ARN, "s3://b/r.json")
    assert run.last_lines == ["one", "two"]


def test_success_without_its_result_document_is_a_failure(aws, make_launch):
    launch = make_launch(result_uri="s3://b/r.json")
    expect_start(aws[1], launch)
    expect_description(aws[1], task("STOPPED", exit_code=0))
    expect_log(aws[1])
    aws[1]["s3"].add_client_error("get_object", "NoSuchKey", "The specified key does not exist.", 404)
    outcome = run(aws, launch)
    assert outcome.failure.kind is Kind.RESULT
    assert "s3://b/r.json" in outcome.failure.reason


@pytest.mark.parametrize(
    ("code", "status"),
    [("ThrottlingException", 400), ("ServerException", 500), ("RequestLimitExceeded", 503), ("ExpiredToken", 403)],
)
def test_throttling_and_server_errors_of_every_call_are_waited_out(aws, make_launch, code, status):
    launch = make_launch()
    for _ in range(5):
        aws[1]["ecs"].add_client_error("run_task", code, "Rate exceeded", status)
    expect_start(aws[1], launch)
    for _ in range(5):
        aws[1]["ecs"].add_client_error("describe_tasks", code, "Rate exceeded", status)
    expect_description(aws[1], task("STOPPED", exit_code=0))
    for _ in range(5):
        aws[1]["logs"].add_client_error("get_log_events", code, "Rate exceeded", status)
    expect_log(aws[1], "line")
    assert run(aws, launch).failure is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDeniedException", Kind.REFUSED),
        ("ClientException", Kind.REFUSED),
        ("ClusterNotFoundException", Kind.REFUSED),
        ("InvalidParameterException", Kind.REFUSED),
        ("BlockedException", Kind.REFUSED),
        ("PlatformTaskDefinitionIncompatibilityException", Kind.REFUSED),
        ("PlatformUnknownException", Kind.REFUSED),
        ("UnsupportedFeatureException", Kind.REFUSED),
    ],
)
def test_what_run_task_refuses_fails_at_once_with_its_reason(aws, make_launch, code, kind):
    aws[1]["ecs"].add_client_error("run_task", code, "because of this", 400)
    outcome = run(aws, make_launch())
    assert outcome.failure.kind is kind
    assert code in outcome.failure.headline
    assert "because of this" in outcome.failure.headline


def test_run_task_without_room_is_asked_again(aws, make_launch):
    launch = make_launch()
    for reason in ("RESOURCE:ENI", "Capacity is unavailable at this time. Please try again later", "AGENT"):
        aws[1]["ecs"].add_response("run_task", {"tasks": [], "failures": [{"arn": "x", "reason": reason}]})
    message = "You’ve reached the limit on the number of tasks you can run concurrently"
    aws[1]["ecs"].add_client_error("run_task", "ClientException", message, 400)
    expect_start(aws[1], launch)
    expect_description(aws[1], task("STOPPED", exit_code=0))
    expect_log(aws[1])
    assert run(aws, launch).failure is None


def test_no_room_for_ever_is_a_capacity_failure(aws, make_launch, monkeypatch):
    monkeypatch.setattr(attempt_run, "CAPACITY_PATIENCE_SECONDS", -1.0)
    for _ in range(6):  # the first request and its relaunches
        aws[1]["ecs"].add_response("run_task", {"tasks": [], "failures": [{"arn": "x", "reason": "RESOURCE:ENI"}]})
    assert run(aws, make_launch()).failure.kind is Kind.CAPACITY


def test_a_conflict_means_that_our_container_runs_already(aws, make_launch):
    aws[1]["ecs"].add_client_error(
        "run_task", "ConflictException", "token used before", 400, modeled_fields={"resourceIds": [ARN]}
    )
    expect_description(aws[1], task("STOPPED", exit_code=0))
    expect_log(aws[1])
    assert run(aws, make_launch()).arn == ARN


def test_a_container_that_may_not_be_watched_is_not_left_behind(aws, make_launch):
    launch = make_launch()
    expect_start(aws[1], launch)
    aws[1]["ecs"].add_client_error("describe_tasks", "AccessDeniedException", "not you", 400)
    expected = {"cluster": "tasklane-dev", "task": ARN, "reason": launch.attempt.stop_reason("it cannot be watched")}
    aws[1]["ecs"].add_response("stop_task", {"task": task("RUNNING")}, expected)
    end = {"events": [], "nextForwardToken": "f/1"}
    aws[1]["logs"].add_response("get_log_events", end)
    aws[1]["logs"].add_response("get_log_events", end)
    assert run(aws, launch).failure.kind is Kind.REFUSED


@pytest.mark.parametrize("code", ["InvalidParameterException", "ClusterNotFoundException", "AccessDeniedException"])
def test_a_container_that_cannot_be_stopped_is_still_judged_by_its_end(aws, make_launch, code):
    launch = make_launch(timeout_seconds=10.0)
    expect_start(aws[1], launch)
    expect_description(aws[1], task("RUNNING", startedAt=NOW))
    aws[1]["ecs"].add_client_error("stop_task", code, "no", 400)
    expect_description(aws[1], task("RUNNING", startedAt=NOW), task("STOPPED", exit_code=0))
    expect_log(aws[1], "late, but done")
    assert run(aws, launch).failure is None


@pytest.mark.parametrize("code", ["ThrottlingException", "ServerException"])
def test_stopping_waits_out_throttling_too(aws, make_launch, code):
    launch = make_launch(timeout_seconds=10.0)
    expect_start(aws[1], launch)
    expect_description(aws[1], task("RUNNING", startedAt=NOW))
    for _ in range(3):
        aws[1]["ecs"].add_client_error("stop_task", code, "Rate exceeded", 400)
    aws[1]["ecs"].add_response("stop_task", {"task": task("RUNNING")})
    reason = launch.attempt.stop_reason("timeout after 10 s")
    expect_description(aws[1], task(exit_code=143, stopCode="UserInitiated", stoppedReason=reason))
    expect_log(aws[1])
    assert run(aws, launch).failure.kind is Kind.TIMEOUT


def test_out_of_memory_starts_the_next_size_and_then_says_so(aws, make_launch):
    launch = make_launch()
    expect_start(aws[1], launch)
    killed = {"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}
    expect_description(aws[1], task(container=killed, stopCode="EssentialContainerExited"))
    expect_log(aws[1], "loading")
    second = ARN.replace("0123", "9999")
    aws[1]["ecs"].add_response(
        "run_task",
        {"tasks": [task("PENDING", arn=second)], "failures": []},
        launch.request(1, launch.sizes[1], spot=False),
    )
    expect_description(aws[1], task(arn=second, container=killed, stopCode="EssentialContainerExited"))
    expect_log(aws[1], "loading")
    outcome = run(aws, launch)
    assert (outcome.failure.kind, outcome.step.size, outcome.arn) == (Kind.MEMORY, 1, second)


def test_a_task_that_ecs_forgot_is_lost_unless_it_left_its_result(aws, make_launch, monkeypatch):
    monkeypatch.setattr(attempt_run, "UNKNOWN_PATIENCE_SECONDS", -1.0)
    for result_there in (True, False):
        launch = make_launch(result_uri="s3://b/r.json")
        expect_start(aws[1], launch)
        answer = {"tasks": [], "failures": [{"arn": ARN, "reason": "MISSING"}]}
        aws[1]["ecs"].add_response("describe_tasks", answer)
        if result_there:
            expect_result(aws[1], b"{}")
        else:
            aws[1]["s3"].add_client_error("get_object", "NoSuchKey", "gone", 404)
        failure = run(aws, launch).failure
        assert failure is None if result_there else failure.kind is Kind.LOST


def test_an_empty_answer_of_describe_tasks_is_asked_again(aws, make_launch):
    """Seen under throttling: the stock operator dies of KeyError 'tasks' here."""
    expect_start(aws[1], make_launch())
    aws[1]["ecs"].add_response("describe_tasks", {})
    expect_description(aws[1], task("STOPPED", exit_code=0))
    expect_log(aws[1])
    assert run(aws, make_launch()).failure is None


def test_a_log_that_cannot_be_read_does_not_fail_the_task(aws, make_launch):
    expect_start(aws[1], make_launch())
    expect_description(aws[1], task("STOPPED", exit_code=0))
    aws[1]["logs"].add_client_error("get_log_events", "AccessDeniedException", "not you", 400)
    assert run(aws, make_launch()).failure is None


def test_a_second_attempt_adopts_the_container_that_finished_while_its_worker_was_dead(aws, make_launch):
    launch = make_launch()
    environment = {**launch.attempt.environment, "TASKLANE_ATTEMPT": "older", "TASKLANE_LAUNCH": "0"}
    pairs = [{"name": name, "value": value} for name, value in environment.items()]
    overrides = {"containerOverrides": [{"name": "microbiome", "environment": pairs}]}
    for status, arns in (("RUNNING", []), ("STOPPED", [ARN])):
        expected = {"cluster": "tasklane-dev", "startedBy": launch.attempt.started_by, "desiredStatus": status}
        aws[1]["ecs"].add_response("list_tasks", {"taskArns": arns}, expected)
    finished = task("STOPPED", exit_code=0, overrides=overrides)
    expect_description(aws[1], finished, finished)
    expect_log(aws[1])
    outcome = run(aws, launch, look_first=True)
    assert (outcome.failure, outcome.arn) == (None, ARN)


def test_a_container_that_runs_too_long_is_stopped_once(aws, make_launch):
    launch = make_launch(timeout_seconds=10.0)
    expect_start(aws[1], launch)
    expect_description(aws[1], task("RUNNING", startedAt=NOW))
    expected = {"cluster": "tasklane-dev", "task": ARN, "reason": launch.attempt.stop_reason("timeout after 10 s")}
    aws[1]["ecs"].add_response("stop_task", {"task": task("RUNNING")}, expected)
    reason = {"stopCode": "UserInitiated", "stoppedReason": expected["reason"]}
    expect_description(aws[1], task("RUNNING", startedAt=NOW), task(exit_code=143, **reason))
    expect_log(aws[1], "stopping")
    outcome = run(aws, launch)
    assert outcome.failure.kind is Kind.TIMEOUT

"""Every error that the API reference names for the calls of an attempt (taken from botocore's model of the API)."""

import boto3
import pytest

from lanes.attempts import attempt_run
from lanes.attempts.failures import Kind
from tests.dags.lanes.aws_stubs import ARN, NOW, task

ASKED_AGAIN = {"ServerException", "ServiceUnavailableException"}
CALLS = {"ecs": ("RunTask", "DescribeTasks", "StopTask", "ListTasks"), "logs": ("FilterLogEvents",)}


def named(call: str) -> list[str]:
    """The errors of the call by the API's model: a new one is tested as soon as botocore knows it."""
    service = next(service for service, calls in CALLS.items() if call in calls)
    model = boto3.client(service, region_name="eu-central-1").meta.service_model
    return sorted(shape.name for shape in model.operation_model(call).error_shapes)


@pytest.mark.parametrize("code", [code for code in named("RunTask") if code not in ASKED_AGAIN | {"ConflictException"}])
def test_what_run_task_refuses_fails_at_once_with_its_reason(aws, make_launch, code):
    aws.ecs.add_client_error("run_task", code, "because of this", 400)
    outcome, _ = aws.run(make_launch())
    assert outcome.failure.kind is Kind.REFUSED
    assert outcome.failure.headline == f"refused: AWS refused RunTask: {code}: because of this"


@pytest.mark.parametrize("code", [code for code in named("DescribeTasks") if code not in ASKED_AGAIN])
def test_a_container_that_may_not_be_watched_is_not_left_behind(aws, make_launch, code):
    launch = make_launch()
    aws.expect_start(launch)
    aws.ecs.add_client_error("describe_tasks", code, "not you", 400)
    expected = {"cluster": "tasklane-dev", "task": ARN, "reason": launch.attempt.stop_reason("it cannot be watched")}
    aws.ecs.add_response("stop_task", {"task": task("RUNNING")}, expected)
    outcome, _ = aws.run(launch)
    assert outcome.failure.headline == f"refused: AWS refused DescribeTasks: {code}: not you"


@pytest.mark.parametrize("code", [code for code in named("StopTask") if code not in ASKED_AGAIN])
def test_a_container_that_cannot_be_stopped_is_still_judged_by_its_end(aws, make_launch, code):
    launch = make_launch(timeout_seconds=10.0)
    aws.expect_start(launch)
    aws.expect_description(task("PENDING", startedAt=NOW))
    aws.ecs.add_client_error("stop_task", code, "no", 400)
    aws.expect_description(task("RUNNING", startedAt=NOW), task("STOPPED", exit_code=0))
    aws.expect_log("late, but done")
    assert aws.run(launch)[0].failure is None


@pytest.mark.parametrize("code", [code for code in named("ListTasks") if code not in ASKED_AGAIN])
def test_without_the_answer_what_runs_already_nothing_is_started(aws, make_launch, code):
    aws.ecs.add_client_error("list_tasks", code, "no", 400)
    outcome, _ = aws.run(make_launch(), look_first=True)
    assert outcome.failure.headline == f"refused: AWS refused ListTasks: {code}: no"


@pytest.mark.parametrize("code", [code for code in named("FilterLogEvents") if code not in ASKED_AGAIN])
def test_a_log_that_cannot_be_read_does_not_fail_the_task(aws, make_launch, caplog, code):
    aws.expect_start(make_launch())
    aws.expect_description(task("STOPPED", exit_code=0))
    aws.logs.add_client_error("filter_log_events", code, "not you", 400)
    assert aws.run(make_launch())[0].failure is None
    assert "left out here" in caplog.text


@pytest.mark.parametrize("call", [call for calls in CALLS.values() for call in calls])
def test_each_call_names_an_error_that_is_asked_again(call):
    assert ASKED_AGAIN & set(named(call))


@pytest.mark.parametrize(
    ("code", "status"),
    [("ThrottlingException", 400), ("ServerException", 500), ("RequestLimitExceeded", 503), ("ExpiredToken", 403)],
)
def test_throttling_and_server_errors_of_every_call_are_waited_out(aws, make_launch, code, status):
    launch = make_launch()
    for _ in range(5):
        aws.ecs.add_client_error("run_task", code, "Rate exceeded", status)
    aws.expect_start(launch)
    for _ in range(5):
        aws.ecs.add_client_error("describe_tasks", code, "Rate exceeded", status)
    aws.expect_description(task("STOPPED", exit_code=0))
    for _ in range(5):
        aws.logs.add_client_error("filter_log_events", code, "Rate exceeded", status)
    aws.expect_log("line")
    assert aws.run(launch)[0].failure is None


def test_run_task_without_room_is_asked_again(aws, make_launch):
    launch = make_launch()
    for reason in ("RESOURCE:ENI", "Capacity is unavailable at this time. Please try again later", "AGENT"):
        aws.ecs.add_response("run_task", {"tasks": [], "failures": [{"arn": "x", "reason": reason}]})
    message = "You’ve reached the limit on the number of tasks you can run concurrently"
    aws.ecs.add_client_error("run_task", "ClientException", message, 400)
    aws.expect_start(launch)
    aws.expect_description(task("STOPPED", exit_code=0))
    aws.expect_log()
    assert aws.run(launch)[0].failure is None


def test_no_room_for_ever_is_a_capacity_failure(aws, make_launch, monkeypatch):
    monkeypatch.setattr(attempt_run, "CAPACITY_PATIENCE_SECONDS", -1.0)
    for _ in range(6):  # the first request and its relaunches
        aws.ecs.add_response("run_task", {"tasks": [], "failures": [{"arn": "x", "reason": "RESOURCE:ENI"}]})
    assert aws.run(make_launch())[0].failure.kind is Kind.CAPACITY


def test_a_conflict_means_that_our_container_runs_already(aws, make_launch):
    aws.ecs.add_client_error(
        "run_task", "ConflictException", "token used before", 400, modeled_fields={"resourceIds": [ARN]}
    )
    aws.expect_description(task("STOPPED", exit_code=0))
    aws.expect_log()
    assert aws.run(make_launch())[0].arn == ARN


@pytest.mark.parametrize("code", ["ThrottlingException", "ServerException"])
def test_stopping_waits_out_throttling_too(aws, make_launch, code):
    launch = make_launch(timeout_seconds=10.0)
    aws.expect_start(launch)
    aws.expect_description(task("RUNNING", startedAt=NOW))
    for _ in range(3):
        aws.ecs.add_client_error("stop_task", code, "Rate exceeded", 400)
    aws.ecs.add_response("stop_task", {"task": task("RUNNING")})
    reason = launch.attempt.stop_reason("timeout after 10 s")
    aws.expect_description(task(exit_code=143, stopCode="UserInitiated", stoppedReason=reason))
    aws.expect_log()
    assert aws.run(launch)[0].failure.kind is Kind.TIMEOUT


def test_an_empty_answer_of_describe_tasks_is_asked_again(aws, make_launch):
    """Seen under throttling: the stock operator dies of KeyError 'tasks' here."""
    aws.expect_start(make_launch())
    aws.ecs.add_response("describe_tasks", {})
    aws.expect_description(task("STOPPED", exit_code=0))
    aws.expect_log()
    assert aws.run(make_launch())[0].failure is None

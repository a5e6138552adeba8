"""What an attempt asks of AWS, and what it makes of the answers, call by call."""

import json

from lanes.attempts import attempt_run
from lanes.attempts.failures import Kind
from tests.dags.lanes.aws_stubs import ARN, NOW, task


def test_a_container_that_succeeds(aws, make_launch):
    launch = make_launch(result_uri="s3://b/r.json")
    aws.expect_start(launch)
    aws.expect_description(task("STOPPED", exit_code=0))
    aws.expect_log("one", "two")
    aws.expect_result(json.dumps({"samples": 3}).encode())
    outcome, lines = aws.run(launch)
    assert (outcome.failure, outcome.arn, outcome.result_uri) == (None, ARN, "s3://b/r.json")
    assert lines == ["one", "two"]


def test_success_without_its_result_document_is_a_failure(aws, make_launch):
    launch = make_launch(result_uri="s3://b/r.json")
    aws.expect_start(launch)
    aws.expect_description(task("STOPPED", exit_code=0))
    aws.expect_log()
    aws.s3.add_client_error("get_object", "NoSuchKey", "The specified key does not exist.", 404)
    outcome, _ = aws.run(launch)
    assert outcome.failure.kind is Kind.RESULT
    assert "s3://b/r.json" in outcome.failure.reason


def test_out_of_memory_starts_the_next_size_and_then_says_so(aws, make_launch):
    launch = make_launch()
    aws.expect_start(launch)
    killed = {"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}
    aws.expect_description(task(container=killed, stopCode="EssentialContainerExited"))
    aws.expect_log("loading")
    second = ARN.replace("0123", "9999")
    aws.ecs.add_response(
        "run_task",
        {"tasks": [task("PENDING", arn=second)], "failures": []},
        launch.request(1, launch.sizes[1], spot=False),
    )
    aws.expect_description(task(arn=second, container=killed, stopCode="EssentialContainerExited"))
    aws.expect_log("loading", stream="microbiome/microbiome/9999456789abcdef")
    outcome, _ = aws.run(launch)
    assert (outcome.failure.kind, outcome.step.size, outcome.arn) == (Kind.MEMORY, 1, second)
    assert [(ended.step.size, ended.seen.arn) for ended in outcome.earlier] == [(0, ARN)]  # it is billed as well


def test_a_task_that_ecs_forgot_is_lost_unless_it_left_its_result(aws, make_launch, monkeypatch):
    monkeypatch.setattr(attempt_run, "UNKNOWN_PATIENCE_SECONDS", -1.0)
    for result_there in (True, False):
        launch = make_launch(result_uri="s3://b/r.json")
        aws.expect_start(launch)
        answer = {"tasks": [], "failures": [{"arn": ARN, "reason": "MISSING"}]}
        aws.ecs.add_response("describe_tasks", answer)
        if result_there:
            aws.expect_result(b"{}")
        else:
            aws.s3.add_client_error("get_object", "NoSuchKey", "gone", 404)
            for _ in ("RUNNING", "STOPPED"):
                aws.ecs.add_response("list_tasks", {"taskArns": []})
        failure = aws.run(launch)[0].failure
        assert failure is None if result_there else failure.kind is Kind.LOST


def test_what_followed_a_container_that_ecs_forgot_is_gone_on_with(aws, make_launch, monkeypatch):
    """Spot took the first one hours ago, the second works, and this triggerer knows the token of the first only."""
    monkeypatch.setattr(attempt_run, "UNKNOWN_PATIENCE_SECONDS", -1.0)
    launch, second = make_launch(capacity="on_demand"), ARN.replace("0123", "9999")
    aws.expect_start(launch)
    aws.ecs.add_response("describe_tasks", {"tasks": [], "failures": [{"arn": ARN, "reason": "MISSING"}]})
    environment = {**launch.attempt.environment, "TASKLANE_LAUNCH": "1"}
    pairs = [{"name": name, "value": value} for name, value in environment.items()]
    overrides = {"containerOverrides": [{"name": "microbiome", "environment": pairs}]}
    for status, arns in (("RUNNING", [second]), ("STOPPED", [])):
        expected = {"cluster": "tasklane-dev", "startedBy": launch.attempt.started_by, "desiredStatus": status}
        aws.ecs.add_response("list_tasks", {"taskArns": arns}, expected)
    aws.expect_description(task("RUNNING", arn=second, overrides=overrides), task("STOPPED", arn=second, exit_code=0))
    aws.expect_log(stream="microbiome/microbiome/9999456789abcdef")
    outcome, _ = aws.run(launch)
    assert (outcome.failure, outcome.arn, outcome.step.number) == (None, second, 1)


def test_a_second_attempt_adopts_the_container_that_finished_while_its_worker_was_dead(aws, make_launch):
    launch = make_launch()
    environment = {**launch.attempt.environment, "TASKLANE_ATTEMPT": "older", "TASKLANE_LAUNCH": "0"}
    pairs = [{"name": name, "value": value} for name, value in environment.items()]
    overrides = {"containerOverrides": [{"name": "microbiome", "environment": pairs}]}
    for status, arns in (("RUNNING", []), ("STOPPED", [ARN])):
        expected = {"cluster": "tasklane-dev", "startedBy": launch.attempt.started_by, "desiredStatus": status}
        aws.ecs.add_response("list_tasks", {"taskArns": arns}, expected)
    finished = task("STOPPED", exit_code=0, overrides=overrides)
    aws.expect_description(finished, finished)
    aws.expect_log()
    outcome, _ = aws.run(launch, look_first=True)
    assert (outcome.failure, outcome.arn) == (None, ARN)


def test_a_container_that_runs_too_long_is_stopped_once(aws, make_launch):
    launch = make_launch(timeout_seconds=10.0)
    aws.expect_start(launch)
    aws.expect_description(task("RUNNING", startedAt=NOW))
    expected = {"cluster": "tasklane-dev", "task": ARN, "reason": launch.attempt.stop_reason("timeout after 10 s")}
    aws.ecs.add_response("stop_task", {"task": task("RUNNING")}, expected)
    reason = {"stopCode": "UserInitiated", "stoppedReason": expected["reason"]}
    aws.expect_description(task("RUNNING", startedAt=NOW), task(exit_code=143, **reason))
    aws.expect_log("stopping")
    outcome, _ = aws.run(launch)
    assert outcome.failure.kind is Kind.TIMEOUT

"""One job against botocore's own stubber: every request checked against the API model, every answer shape Batch's."""

import asyncio
import datetime as dt
import time

import boto3
import pytest
from botocore.stub import ANY, Stubber

from lanes.attempts.attempt_run import AttemptRun
from lanes.attempts.failures import Kind
from lanes.aws.calls import AwsCalls
from lanes.aws.logs import LogReader
from lanes.batch import submit
from lanes.batch.engine import BatchEngine
from lanes.batch.names import name_prefix
from lanes.batch.poller import BatchPoller
from lanes.batch.verdict import of_job
from tests.dags.lanes.ecs_model import NoLogs

NOW = int(time.time() * 1000)


@pytest.fixture
def batch(no_waiting, monkeypatch):
    monkeypatch.setattr(submit, "SETTLE_SECONDS", (0.0,))
    client = boto3.client("batch", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def run(stub, launch):
    async def attempt():
        calls = AwsCalls({"batch": stub.client, "logs": NoLogs()})
        engine = BatchEngine(launch, calls, BatchPoller(calls), prepared_at=time.time())
        return await AttemptRun(launch, engine, LogReader(calls, launch.log_group)).run()

    return asyncio.run(attempt())


def job(status="SUCCEEDED", **more):
    required = {"jobId": "j", "jobName": "n", "jobQueue": "queue", "jobDefinition": "d", "startedAt": NOW}
    return {**required, "status": status, "createdAt": NOW, **more}


def nothing_there(stub, launch):
    for queue in ("queue", "spot-queue"):
        filters = [{"name": "JOB_NAME", "values": [f"{name_prefix(launch.attempt)}*"]}]
        stub.add_response("list_jobs", {"jobSummaryList": []}, {"jobQueue": queue, "filters": filters})


def submitted(stub, launch, number=0, size=0, spot=False):
    request = launch.request(number, launch.sizes[size], spot=spot)
    stub.add_response("submit_job", {"jobName": "n", "jobId": "j"}, request)


def test_the_request_is_what_the_api_takes(batch, make_batch_launch):
    launch = make_batch_launch()
    nothing_there(batch, launch)
    submitted(batch, launch)
    batch.add_response("describe_jobs", {"jobs": [job()]}, {"jobs": ["j"]})
    outcome = run(batch, launch)
    assert (outcome.failure, outcome.arn) == (None, "j")
    request = launch.request(0, launch.sizes[0], spot=False)
    assert len(request["jobName"]) <= 128
    assert request["jobName"].startswith(name_prefix(launch.attempt))
    assert request["timeout"] == {"attemptDurationSeconds": 7260}


@pytest.mark.parametrize(("code", "status"), [("TooManyRequestsException", 429), ("ExpiredTokenException", 403)])
def test_what_certainly_started_nothing_is_simply_asked_again(batch, make_batch_launch, code, status):
    launch = make_batch_launch()
    nothing_there(batch, launch)
    for _ in range(4):
        batch.add_client_error("submit_job", code, "later", status)
    submitted(batch, launch)
    batch.add_client_error("describe_jobs", code, "later", status)
    batch.add_response("describe_jobs", {"jobs": [job()]})
    assert run(batch, launch).failure is None


@pytest.mark.parametrize("code", ["ServerException", "InternalFailure", "ServiceUnavailable"])
@pytest.mark.parametrize("there", [True, False])
def test_after_a_fault_of_aws_the_job_is_looked_for_by_its_name(batch, make_batch_launch, code, there):
    launch = make_batch_launch()
    nothing_there(batch, launch)
    batch.add_client_error("submit_job", code, "oops", 500)
    name = launch.request(0, launch.sizes[0], spot=False)["jobName"]
    look = {"jobQueue": "queue", "filters": [{"name": "JOB_NAME", "values": [name]}]}
    found = [{"jobId": "j", "jobName": name, "status": "RUNNABLE"}]
    if there:
        batch.add_response("list_jobs", {"jobSummaryList": found}, look)
    else:
        batch.add_response("list_jobs", {"jobSummaryList": []}, look)
        batch.add_response("list_jobs", {"jobSummaryList": []}, look)
        submitted(batch, launch)
    batch.add_response("describe_jobs", {"jobs": [job()]})
    assert run(batch, launch).arn == "j"


@pytest.mark.parametrize("code", ["ClientException", "AccessDeniedException"])
def test_what_batch_refuses_fails_at_once_with_its_reason(batch, make_batch_launch, code):
    nothing_there(batch, make_batch_launch())
    batch.add_client_error("submit_job", code, "JobQueue queue not found", 400)
    failure = run(batch, make_batch_launch()).failure
    assert failure.kind is Kind.REFUSED
    assert "JobQueue queue not found" in failure.headline


def test_who_may_not_look_starts_nothing(batch, make_batch_launch):
    batch.add_client_error("list_jobs", "AccessDeniedException", "not you", 403)
    assert run(batch, make_batch_launch()).failure.kind is Kind.REFUSED


def test_a_job_that_can_never_start_is_ended_and_says_why(batch, make_batch_launch):
    launch = make_batch_launch()
    nothing_there(batch, launch)
    submitted(batch, launch)
    reason = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - the job asks for more than any compute environment has"
    batch.add_response("describe_jobs", {"jobs": [job("RUNNABLE", statusReason=reason)]})
    batch.add_response("terminate_job", {}, {"jobId": "j", "reason": ANY})
    told = launch.attempt.stop_reason(f"refused: {reason}")
    batch.add_response("describe_jobs", {"jobs": [job("FAILED", statusReason=told, isTerminated=True)]})
    failure = run(batch, launch).failure
    assert failure.kind is Kind.REFUSED
    assert "JOB_RESOURCE_REQUIREMENT" in failure.reason


def test_what_a_job_waits_for_is_told(batch, make_batch_launch, caplog):
    launch = make_batch_launch()
    nothing_there(batch, launch)
    submitted(batch, launch)
    reason = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested"
    for _ in range(2):
        batch.add_response("describe_jobs", {"jobs": [job("RUNNABLE", statusReason=reason)]})
    batch.add_response("describe_jobs", {"jobs": [job(statusReason="Essential container in task exited")]})
    caplog.set_level("INFO")
    assert run(batch, launch).failure is None
    told = [record.message for record in caplog.records if record.message.startswith("container R")]
    assert told == [f"container RUNNABLE: {reason}"]


def test_a_job_that_runs_too_long_is_ended_once(batch, make_batch_launch):
    launch = make_batch_launch(timeout_seconds=10.0)
    nothing_there(batch, launch)
    submitted(batch, launch)
    begun = int((dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)).timestamp() * 1000)
    late = job("RUNNING") | {"startedAt": begun}
    batch.add_response("describe_jobs", {"jobs": [late]})
    told = launch.attempt.stop_reason("timeout after 10 s")
    batch.add_response("terminate_job", {}, {"jobId": "j", "reason": told})
    batch.add_response("describe_jobs", {"jobs": [late]})
    batch.add_response("describe_jobs", {"jobs": [job("FAILED", statusReason=told, isTerminated=True)]})
    assert run(batch, launch).failure.kind is Kind.TIMEOUT


@pytest.mark.parametrize(
    ("exit_code", "status_reason", "reason", "more", "kind"),
    [
        (1, "Essential container in task exited", "", {}, Kind.ERROR),
        (2, "Essential container in task exited", "", {}, Kind.INPUT),
        (137, "Essential container in task exited", "OutOfMemoryError: Container killed", {}, Kind.MEMORY),
        (137, "Essential container in task exited", "", {}, Kind.MEMORY),
        (137, "I do not need it", "", {"isTerminated": True}, Kind.STOPPED),
        (None, "I do not need it", "", {"isCancelled": True}, Kind.STOPPED),
        (143, "Your Spot Task was interrupted.", "", {}, Kind.SPOT),
        (None, "Host EC2 (instance i-1234567890abcdef0) terminated.", "", {}, Kind.SPOT),
        (None, "Job attempt duration exceeded timeout", "", {}, Kind.TIMEOUT),
        (None, "Task failed to start", "CannotPullContainerError: manifest unknown", {}, Kind.IMAGE),
        (None, "Task failed to start", "ResourceInitializationError: unable to pull secrets", {}, Kind.START),
        (None, "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - none", "", {"isTerminated": False}, Kind.CAPACITY),
        (None, "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - too big", "", {}, Kind.REFUSED),
        (143, "tasklane mine try 1: timeout after 10 s", "", {"isTerminated": True}, Kind.TIMEOUT),
        (143, "tasklane mine try 1: the task was ended", "", {"isTerminated": True}, Kind.STOPPED),
        (143, "tasklane other try 1: the task was ended", "", {"isTerminated": True}, Kind.SPOT),
    ],
)
def test_each_end_of_a_job_has_its_class(exit_code, status_reason, reason, more, kind):
    container = {"reason": reason} | ({} if exit_code is None else {"exitCode": exit_code})
    ended = {"status": "FAILED", "statusReason": status_reason, "container": container, **more}
    assert of_job(ended, "mine").kind is kind

"""The fault switch on AWS Batch, and what is left of its jobs when the emulator is killed."""

import time

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, HTTPClientError

from tests.local.emulator_process import Emulator, start_emulator
from tests.local.jobs import Jobs
from tests.local.task_program import PROGRAM

ON_LOST_HOST = {
    "attempts": 3,
    "evaluateOnExit": [
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onStatusReason": "Your Spot Task was interrupted*", "action": "RETRY"},
        {"onStatusReason": "The host of the task was lost*", "action": "RETRY"},
        {"onStatusReason": "*", "action": "EXIT"},
    ],
}


@pytest.fixture
def jobs(own_emulator: Emulator) -> Jobs:
    return Jobs(own_emulator, PROGRAM)


def faults(jobs: Jobs, *rules: dict) -> None:
    status, said = jobs.emulator.call("POST", "/_tasklane/faults", {"rules": list(rules), "replace": True})
    assert status == 200, said


def test_calls_are_throttled_fail_and_lose_their_answers(jobs: Jobs) -> None:
    faults(jobs, {"fault": "throttle", "service": "batch", "action": "DescribeJobs", "count": 1})
    with pytest.raises(ClientError) as throttled:
        jobs.job("x")
    assert throttled.value.response["Error"]["Code"] == "TooManyRequestsException"
    faults(jobs, {"fault": "error", "service": "batch", "action": "ListJobs", "count": 1})
    with pytest.raises(ClientError) as failed:
        jobs.batch.list_jobs(jobQueue=jobs.queue)
    assert failed.value.response["Error"]["Code"] == "ServerException"
    faults(jobs, {"fault": "lost_answer", "service": "batch", "action": "SubmitJob", "count": 1})
    with pytest.raises((ConnectionClosedError, HTTPClientError, EndpointConnectionError)):
        jobs.submit(["exit", "0"], jobName="twice")
    jobs.ended(["exit", "0"], jobName="twice")
    listed = jobs.batch.list_jobs(jobQueue=jobs.queue, filters=[{"name": "JOB_NAME", "values": ["twice"]}])
    assert len(listed["jobSummaryList"]) == 2  # SubmitJob knows no client token


def test_an_interrupted_spot_job_is_retried_and_falls_back(jobs: Jobs) -> None:
    faults(jobs, {"fault": "spot", "seconds": 0.1, "count": 1})
    job_id = jobs.submit(["wait"], jobQueue=jobs.spot_queue, retryStrategy=ON_LOST_HOST)
    while len(jobs.job(job_id)["attempts"]) < 1:
        time.sleep(0.03)
    again = jobs.until_job(job_id, "RUNNING")
    assert [one["statusReason"] for one in again["attempts"]] == ["Your Spot Task was interrupted."]
    jobs.batch.terminate_job(jobId=job_id, reason="enough")
    assert jobs.end_of(job_id)["statusReason"] == "enough"
    faults(jobs, {"fault": "capacity", "provider": "FARGATE_SPOT"})
    on_demand = jobs.ended(["environment"], jobQueue=jobs.spot_queue)
    assert f'"AWS_BATCH_CE_NAME": "{jobs.name}-FARGATE"' in jobs.said(on_demand)[0]


def test_without_capacity_a_job_waits(jobs: Jobs) -> None:
    faults(jobs, {"fault": "capacity", "for_seconds": 600, "count": 2})
    job = jobs.ended(["exit", "0"])
    assert job["status"] == "SUCCEEDED"
    assert jobs.emulator.call("GET", "/_tasklane/faults")[1]["rules"][0]["fired"] == 2


def test_memory_and_pull_errors_are_told(jobs: Jobs) -> None:
    faults(jobs, {"fault": "memory", "seconds": 0.1, "count": 1})
    killed = jobs.ended(["wait"])
    assert killed["container"]["reason"] == "OutOfMemoryError: Container killed due to memory usage"
    faults(jobs, {"fault": "pull_error", "count": 1})
    failed = jobs.ended(["exit", "0"])
    assert failed["status"] == "FAILED"
    assert failed["statusReason"].startswith("CannotPullContainerError: ")
    assert "exitCode" not in failed["container"]


def test_a_kill_loses_no_job(jobs: Jobs) -> None:
    """What waited runs after the restart; what ran has lost its host, and its retry strategy decides."""
    emulator = jobs.emulator
    done = jobs.ended(["exit", "0"], size=3)
    running = jobs.submit(["wait"], retryStrategy=ON_LOST_HOST)
    lost = jobs.submit(["wait"])
    jobs.until_job(running, "RUNNING")
    jobs.until_job(lost, "RUNNING")
    waiting = jobs.submit(["exit", "0"], size=4, dependsOn=[{"jobId": running}])
    time.sleep(2.5)  # queues and definitions are saved about a second after their last change
    emulator.process.kill()
    emulator.process.wait()
    restarted = start_emulator(emulator.folder, emulator.port)
    emulator.process = restarted.process
    assert jobs.job(done["jobId"])["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 3
    assert jobs.end_of(lost)["statusReason"] == "The host of the task was lost"
    again = jobs.until_job(running, "RUNNING")
    assert [one["statusReason"] for one in again["attempts"]] == ["The host of the task was lost"]
    assert jobs.job(waiting)["arrayProperties"]["statusSummary"]["PENDING"] == 4
    jobs.batch.terminate_job(jobId=running, reason="enough")
    assert jobs.end_of(waiting)["arrayProperties"]["statusSummary"]["FAILED"] == 4

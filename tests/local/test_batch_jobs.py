"""AWS Batch: what a job gets, how it ends, is retried, stopped; arrays and dependencies."""

import json
import time

import pytest

from tests.local.emulator_process import Emulator
from tests.local.jobs import Jobs
from tests.local.task_program import PROGRAM

RETRY_SPOT = {
    "attempts": 3,
    "evaluateOnExit": [
        {"onStatusReason": "Your Spot Task was interrupted*", "action": "RETRY"},
        {"onExitCode": "4", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
        {"onExitCode": "*", "action": "EXIT"},
    ],
}


@pytest.fixture(scope="module")
def jobs(emulator: Emulator) -> Jobs:
    return Jobs(emulator, PROGRAM)


def test_a_job_says_how_it_ended(jobs: Jobs) -> None:
    job = jobs.ended(["exit", "0"])
    assert (job["status"], job["statusReason"]) == ("SUCCEEDED", "Essential container in task exited")
    assert job["createdAt"] <= job["startedAt"] <= job["stoppedAt"]
    assert job["container"]["exitCode"] == 0
    failed = jobs.ended(["exit", "3"])
    assert (failed["status"], failed["container"]["exitCode"], len(failed["attempts"])) == ("FAILED", 3, 1)


def test_a_job_has_its_role_its_variables_and_its_stream(jobs: Jobs) -> None:
    job = jobs.ended(["environment"], overrides={"environment": [{"name": "A", "value": "1"}]})
    seen = json.loads(jobs.said(job)[0])
    assert seen["AWS_BATCH_JOB_ID"] == job["jobId"]
    assert seen["AWS_BATCH_JOB_ATTEMPT"] == "1"
    assert seen["AWS_BATCH_JQ_NAME"] == jobs.name
    assert (seen["A"], seen["COLOUR"]) == ("1", "deep blue")
    assert "AWS_BATCH_JOB_ARRAY_INDEX" not in seen
    who = jobs.ended(["whoami"])
    task_id = who["container"]["taskArn"].rsplit("/", 1)[-1]
    assert who["container"]["logStreamName"] == f"lane/default/{task_id}"
    assert jobs.said(who) == [f"arn:aws:sts::000000000000:assumed-role/{jobs.name}-task/{task_id}"]


def test_an_array_runs_every_index_once_and_counts_its_children(jobs: Jobs) -> None:
    parent = jobs.ended(["environment"], size=30)
    assert parent["status"] == "SUCCEEDED"
    assert parent["arrayProperties"]["size"] == 30
    assert parent["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 30
    children = jobs.batch.describe_jobs(jobs=[f"{parent['jobId']}:{index}" for index in range(30)])["jobs"]
    seen = [json.loads(jobs.said(child)[0]) for child in children]
    assert [one["AWS_BATCH_JOB_ARRAY_INDEX"] for one in seen] == [str(index) for index in range(30)]
    assert [one["AWS_BATCH_JOB_ID"] for one in seen] == [child["jobId"] for child in children]
    listed = jobs.batch.get_paginator("list_jobs").paginate(
        arrayJobId=parent["jobId"], jobStatus="SUCCEEDED", PaginationConfig={"PageSize": 7}
    )
    assert [one["arrayProperties"]["index"] for page in listed for one in page["jobSummaryList"]] == list(range(30))


def test_an_array_with_a_failed_child_fails_after_all_have_ended(jobs: Jobs) -> None:
    program = "import os, sys; sys.exit(5 if os.environ['AWS_BATCH_JOB_ARRAY_INDEX'] == '1' else 0)"
    definition = jobs.register(family=f"{jobs.name}-python", command=["none"])
    parent = jobs.ended(["python", program], size=4, jobDefinition=definition)
    assert (parent["status"], parent["statusReason"]) == ("FAILED", "Array Child Job failed")
    summary = parent["arrayProperties"]["statusSummary"]
    assert (summary["SUCCEEDED"], summary["FAILED"]) == (3, 1)
    (failed,) = jobs.batch.list_jobs(arrayJobId=parent["jobId"], jobStatus="FAILED")["jobSummaryList"]
    assert (failed["jobId"], failed["container"]["exitCode"]) == (f"{parent['jobId']}:1", 5)


def test_retries_go_by_the_first_matching_condition(jobs: Jobs) -> None:
    again = jobs.ended(["exit", "4"], retryStrategy=RETRY_SPOT)
    assert [one["container"]["exitCode"] for one in again["attempts"]] == [4, 4, 4]
    assert len(jobs.ended(["exit", "3"], retryStrategy=RETRY_SPOT)["attempts"]) == 1
    assert len(jobs.ended(["exit", "3"], retryStrategy={"attempts": 2})["attempts"]) == 2


def test_memory_over_the_limit_is_told_as_batch_does(jobs: Jobs) -> None:
    job = jobs.ended(["eat", "700"])
    assert (job["status"], job["statusReason"]) == ("FAILED", "Essential container in task exited")
    assert job["container"]["exitCode"] == 137
    assert job["container"]["reason"] == "OutOfMemoryError: Container killed due to memory usage"
    larger = {"resourceRequirements": [{"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": "1024"}]}
    fits = jobs.submit(["eat", "700"], overrides=larger)
    while "eaten" not in str(jobs.said(jobs.until_job(fits, "RUNNING"))):
        time.sleep(0.03)
    jobs.batch.terminate_job(jobId=fits, reason="enough")
    assert jobs.end_of(fits)["statusReason"] == "enough"


def test_terminate_stops_gracefully_and_never_retries(jobs: Jobs) -> None:
    job_id = jobs.submit(["graceful"], retryStrategy={"attempts": 3})
    while jobs.said(jobs.until_job(job_id, "RUNNING")) != ["ready"]:
        time.sleep(0.03)
    jobs.batch.cancel_job(jobId=job_id, reason="does nothing to a running job")
    jobs.batch.terminate_job(jobId=job_id, reason="not wanted any more")
    job = jobs.end_of(job_id)
    assert (job["status"], job["statusReason"]) == ("FAILED", "not wanted any more")
    assert job["container"]["exitCode"] == 7
    assert (job["isTerminated"], job["isCancelled"]) == (True, False)
    assert len(job["attempts"]) == 1
    assert jobs.said(job) == ["ready", "told to stop"]


def test_terminating_an_array_ends_all_its_children(jobs: Jobs) -> None:
    parent = jobs.submit(["wait"], size=100)
    while not jobs.job(parent)["arrayProperties"].get("statusSummary", {}).get("RUNNING"):
        time.sleep(0.03)
    jobs.batch.terminate_job(jobId=parent, reason="stop all")
    ended = jobs.end_of(parent)
    assert ended["status"] == "FAILED"
    assert ended["arrayProperties"]["statusSummary"]["FAILED"] == 100
    children = jobs.batch.list_jobs(arrayJobId=parent, jobStatus="FAILED")["jobSummaryList"]
    assert {child["statusReason"] for child in children} == {"stop all"}


def test_dependencies_hold_a_job_back(jobs: Jobs) -> None:
    first = jobs.submit(["wait"])
    second = jobs.submit(["exit", "0"], dependsOn=[{"jobId": first}])
    jobs.until_job(first, "RUNNING")
    assert jobs.job(second)["status"] == "PENDING"
    jobs.batch.terminate_job(jobId=first, reason="enough")
    assert jobs.end_of(second)["statusReason"] == "Dependent Job failed"
    array = jobs.ended(["exit", "0"], size=3, dependsOn=[{"type": "SEQUENTIAL"}])
    follows = jobs.ended(["exit", "0"], size=3, dependsOn=[{"jobId": array["jobId"], "type": "N_TO_N"}])
    assert (array["status"], follows["status"]) == ("SUCCEEDED", "SUCCEEDED")
    started = [jobs.job(f"{array['jobId']}:{index}") for index in range(3)]
    assert started[0]["stoppedAt"] <= started[1]["startedAt"] <= started[1]["stoppedAt"] <= started[2]["startedAt"]


def test_jobs_are_listed_by_status_and_by_name(jobs: Jobs) -> None:
    job = jobs.ended(["exit", "0"], jobName="listed-0001")
    by_name = jobs.batch.list_jobs(jobQueue=jobs.queue, filters=[{"name": "JOB_NAME", "values": ["LISTED-*"]}])
    assert [one["jobId"] for one in by_name["jobSummaryList"]] == [job["jobId"]]
    done = jobs.batch.list_jobs(jobQueue=jobs.queue, jobStatus="SUCCEEDED")["jobSummaryList"]
    assert job["jobId"] in [one["jobId"] for one in done]
    assert jobs.batch.list_jobs(jobQueue=jobs.queue)["jobSummaryList"] == []


def test_state_changes_reach_event_bridge(jobs: Jobs, emulator: Emulator) -> None:
    events, sqs = emulator.client("events"), emulator.client("sqs")
    queue = sqs.create_queue(QueueName=jobs.name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(
        Name=jobs.name, EventPattern=json.dumps({"source": ["aws.batch"], "detail": {"status": ["FAILED"]}})
    )
    events.put_targets(Rule=jobs.name, Targets=[{"Id": "queue", "Arn": arn}])
    failed = jobs.ended(["exit", "3"])
    while not (messages := sqs.receive_message(QueueUrl=queue).get("Messages")):
        pass
    (event,) = [json.loads(message["Body"]) for message in messages]
    assert (event["detail-type"], event["resources"]) == ("Batch Job State Change", [failed["jobArn"]])
    assert event["detail"]["container"]["exitCode"] == 3
    events.remove_targets(Rule=jobs.name, Ids=["queue"])
    events.delete_rule(Name=jobs.name)

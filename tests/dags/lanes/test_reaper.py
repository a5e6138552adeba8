"""The reaper stops what nobody wants, and nothing else."""

import datetime as dt

import boto3
import pytest
from botocore.stub import Stubber

from lanes.attempts.reaper import Container, orphans, reap
from lanes.batch.reaper import open_jobs
from lanes.ecs.reaper import running_containers

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def container(arn="a", task_id="t", map_index=-1, minutes=10, run_id="r"):
    return Container(arn, "d", run_id, task_id, map_index, NOW - dt.timedelta(minutes=minutes))


def reasons(containers, states):
    found = orphans(containers, lambda dag_id, runs: {run: states.get(run, {}) for run in runs}, NOW)
    return {orphan.container.arn: orphan.why for orphan in found}


@pytest.mark.parametrize("state", ["success", "failed", "skipped", "upstream_failed", "removed"])
def test_a_container_of_a_finished_task_is_an_orphan(state):
    assert reasons([container()], {"r": {"t": state}}) == {"a": f"its task is {state}"}


@pytest.mark.parametrize("state", [None, "running", "deferred", "queued", "scheduled", "up_for_retry", "restarting"])
def test_a_container_whose_task_goes_on_is_not(state):
    assert reasons([container()], {"r": {"t": state}}) == {}


def test_a_deleted_run_or_task_leaves_an_orphan():
    assert reasons([container()], {}) == {"a": "its task is removed"}


def test_mapped_tasks_are_told_apart():
    found = reasons(
        [container("a", map_index=0), container("b", map_index=1)], {"r": {"t_0": "failed", "t_1": "deferred"}}
    )
    assert found == {"a": "its task is failed"}


def test_a_young_container_is_left_to_those_who_end_its_task():
    assert reasons([container(minutes=1)], {"r": {"t": "failed"}}) == {}


def test_of_two_containers_of_one_task_the_older_is_stopped():
    found = reasons([container("new", minutes=5), container("old", minutes=50)], {"r": {"t": "deferred"}})
    assert found == {"old": "a newer container does its work"}


def test_nothing_is_stopped_when_airflow_does_not_answer():
    def fails(dag_id, runs):
        raise ConnectionError("no execution API")

    with pytest.raises(ConnectionError):
        orphans([container()], fails, NOW)


def test_many_runs_are_asked_for_in_bounded_questions():
    asked = []

    def ask(dag_id, runs):
        asked.append(len(runs))
        return {}

    assert len(orphans([container(str(n), run_id=f"r{n}") for n in range(250)], ask, NOW)) == 250
    assert asked == [100, 100, 50]


def test_it_stops_ours_and_leaves_others_alone():
    ecs = boto3.client("ecs", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    told = {"DAG_ID": "d", "RUN_ID": "r", "TASK_ID": "t", "MAP_INDEX": "-1"}
    environment = [{"name": f"TASKLANE_{name}", "value": value} for name, value in told.items()]
    ours = {
        "taskArn": "ours", "startedBy": "tasklane/x", "createdAt": NOW - dt.timedelta(hours=1),
        "overrides": {"containerOverrides": [{"name": "c", "environment": environment}]},
    }  # fmt: skip
    theirs = {"taskArn": "theirs", "startedBy": "a service"}
    with Stubber(ecs) as stub:
        stub.add_response("list_tasks", {"taskArns": ["ours", "theirs"]}, {"cluster": "c", "desiredStatus": "RUNNING"})
        stub.add_response("describe_tasks", {"tasks": [ours, theirs]}, {"cluster": "c", "tasks": ["ours", "theirs"]})
        reason = "tasklane reaper: its task is failed"
        stub.add_response("stop_task", {}, {"cluster": "c", "task": "ours", "reason": reason})
        stopped = reap(
            running_containers(ecs, "c"), lambda arn, why: ecs.stop_task(cluster="c", task=arn, reason=why),
            lambda dag_id, runs: {"r": {"t": "failed"}}, NOW,
        )  # fmt: skip
        stub.assert_no_pending_responses()
    assert stopped == [{"arn": "ours", "dag": "d", "run": "r", "task": "t", "why": "its task is failed"}]


def test_open_jobs_of_ours_are_found_in_every_queue():
    batch = boto3.client("batch", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    told = {"DAG_ID": "d", "RUN_ID": "r", "TASK_ID": "t", "MAP_INDEX": "-1", "BATCHES_URI": "s3://b/k"}
    environment = [{"name": f"TASKLANE_{name}", "value": value} for name, value in told.items()]
    hour_ago = int((NOW - dt.timedelta(hours=1)).timestamp() * 1000)
    ours = {"jobId": "1", "jobName": "tasklane-x", "status": "PENDING", "createdAt": hour_ago, "jobQueue": "q",
            "startedAt": hour_ago, "jobDefinition": "j", "container": {"environment": environment}}  # fmt: skip
    with Stubber(batch) as stub:
        for status in ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING"):
            summaries = [{"jobId": "1", "jobName": "tasklane-x"}, {"jobId": "2", "jobName": "theirs"}]
            found = summaries if status == "PENDING" else []
            stub.add_response("list_jobs", {"jobSummaryList": found}, {"jobQueue": "q", "jobStatus": status})
        stub.add_response("describe_jobs", {"jobs": [ours]}, {"jobs": ["1"]})
        [job] = open_jobs(batch, ["q"])
        stub.assert_no_pending_responses()
    assert (job.arn, job.dag_id, job.key, job.one_of_many) == ("1", "d", "t", True)


def test_an_array_fan_out_may_have_several_jobs():
    many = [Container(arn, "d", "r", "t", -1, NOW - dt.timedelta(minutes=m), True) for arn, m in (("a", 9), ("b", 50))]
    assert reasons(many, {"r": {"t": "deferred"}}) == {}
    assert set(reasons(many, {"r": {"t": "failed"}})) == {"a", "b"}

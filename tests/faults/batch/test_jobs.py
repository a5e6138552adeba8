"""One Airflow task, one job: in real Airflow, through kills, throttling, lost answers and Spot."""

import time

import pytest

from lanes.attempts.identity import ENDED_OR_CLEARED, SUPERSEDED
from tests.faults.airflow_client import eventually

STOPPED_WITHIN_SECONDS = 30.0
ENDED = ("success", "failed")


def ended(observer, dag_id, run_id, seconds=150):
    eventually("the run ends", lambda: observer.run_state(dag_id, run_id) in ENDED, seconds)
    return observer.run_state(dag_id, run_id)


def running(world, run_id):
    return [job for job in world.jobs(run_id) if job["status"] == "RUNNING"]


def test_success_leaves_result_facts_links_and_log(world, observer):
    run_id = observer.trigger("job_once", mode="ok", seconds=1)
    assert ended(observer, "job_once", run_id) == "success"
    [job] = world.jobs(run_id)
    assert observer.xcom("job_once", run_id, "return_value").endswith(f"/{run_id}/work/-1/1.json")
    facts = observer.xcom("job_once", run_id, "lanes_run")
    assert (facts["arn"], facts["outcome"], facts["size"]) == (job["jobId"], "success", "small")
    assert facts["cost_usd"] > 0
    links = observer.links("job_once", run_id)
    assert job["jobId"] in links["Batch job"]
    assert links["Container log"]
    log = observer.log("job_once", run_id)
    assert [number for number in range(5) if f"probe ok line {number}" in log] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("mode", "words"), [("error", "error: exit code 1"), ("bad", "input: exit code 2")])
def test_a_failing_program_names_class_exit_code_and_last_lines(world, observer, mode, words):
    run_id = observer.trigger("job_once", mode=mode, seconds=0)
    assert ended(observer, "job_once", run_id) == "failed"
    assert len(world.jobs(run_id)) == 1
    log = observer.log("job_once", run_id)
    assert words in log
    assert f"probe {mode} line 4" in log


def test_spot_falls_back_on_demand(world, observer):
    world.fault(fault="spot", provider="FARGATE_SPOT", seconds=0.5)
    run_id = observer.trigger("job_spot", mode="ok", seconds=4)
    assert ended(observer, "job_spot", run_id) == "success"
    assert [job["jobQueue"] for job in world.jobs(run_id)] == [world.spot_queue, world.queue]
    facts = observer.xcom("job_spot", run_id, "lanes_run")
    assert (facts["launches"], facts["capacity"]) == (2, "on_demand")


@pytest.mark.parametrize("fault", ["lost_answer", "lost_request", "throttle", "error"])
def test_a_submission_in_doubt_makes_one_job(world, observer, fault):
    world.fault(fault=fault, service="batch", action="SubmitJob", count=1)
    run_id = observer.trigger("job_once", mode="ok", seconds=1)
    assert ended(observer, "job_once", run_id) == "success"
    assert len(world.jobs(run_id)) == 1


def test_every_call_may_be_throttled(world, observer):
    world.fault(fault="throttle", service="batch", rate=0.4)
    run_ids = [observer.trigger("job_once", mode="ok", seconds=1) for _ in range(5)]
    for run_id in run_ids:
        assert ended(observer, "job_once", run_id) == "success"
    world.no_faults()
    assert [len(world.jobs(run_id)) for run_id in run_ids] == [1] * 5


@pytest.mark.parametrize("how", ["failed", "clear"])
def test_a_deferred_task_that_is_ended_or_cleared_stops_its_job(world, observer, how):
    run_id = observer.trigger("job", mode="ok", seconds=300)
    [job] = eventually("a job runs", lambda: running(world, run_id), 60)
    if how == "clear":
        observer.clear("job", run_id)
    else:
        observer.mark("job", run_id, "failed")

    def first():
        return next(each for each in world.jobs(run_id) if each["jobId"] == job["jobId"])

    eventually("stopped", lambda: first()["status"] == "FAILED", STOPPED_WITHIN_SECONDS)
    reason, old = first()["statusReason"], job["told"]["TASKLANE_ATTEMPT"]
    by_its_own_trigger = f"tasklane {old} try 1: {ENDED_OR_CLEARED}"
    if how == "failed":
        assert reason == by_its_own_trigger
        assert len(world.jobs(run_id)) == 1
        return
    [second] = eventually("a new job runs", lambda: running(world, run_id), 60)
    new = second["told"]["TASKLANE_ATTEMPT"]
    assert new != old
    # Whoever was first: the trigger that is cancelled, or the next attempt, which looks before it submits.
    assert reason in (by_its_own_trigger, f"tasklane {new} try 2: {SUPERSEDED}")
    assert len(world.jobs(run_id)) == 2
    observer.mark("job", run_id, "failed")


@pytest.mark.parametrize("victim", ["triggerer", "scheduler"])
@pytest.mark.parametrize("moment", [0.0, 3.0])
def test_a_kill_doubles_nothing_and_loses_nothing(world, observer, victim, moment):
    run_id = observer.trigger("job", mode="ok", seconds=15)
    eventually("submitted", lambda: world.jobs(run_id), 60)
    time.sleep(moment)
    world.kill(victim)
    world.start_component(victim)
    assert ended(observer, "job", run_id) == "success"
    [job] = world.jobs(run_id)
    assert observer.xcom("job", run_id, "lanes_run")["arn"] == job["jobId"]

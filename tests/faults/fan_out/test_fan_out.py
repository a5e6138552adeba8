"""Fan-outs over real Airflow and real containers: tolerance, adoption, back-pressure, cancelling, kills."""

import os
import random
import time

import psutil
import pytest

from tests.faults.airflow_client import eventually

# 40 in CI; `make faults` asks for 200.
BATCHES = int(os.environ.get("FAULTS_FAN_OUT_BATCHES", "40"))
SEED = int(os.environ.get("FAULTS_SEED", "7"))
# Airflow 3.0: the scheduler defers the tasks of lane_child itself; elsewhere it is worker_child under another name.
DIRECT = os.environ.get("FAULTS_AIRFLOW", "3.0.6").startswith("3.0.")


def test_failed_batches_run_again_alone_and_gather_sees_all(observer):
    observer.modes(b1="error", b4="error")
    run_id = observer.trigger("fan", n=6)
    assert observer.ended(run_id, 120) == "failed"
    assert observer.value(run_id, "fan_out_summary")["failed"] == {"error": [1, 4]}
    observer.modes()
    observer.clear_fan_out(run_id)
    eventually("running again", lambda: observer.run_state("fan", run_id) != "failed", 30)
    assert observer.ended(run_id, 120) == "success"
    assert observer.value(run_id, "return_value", "gather")["state"] == "complete"
    assert sorted(observer.succeeded_containers(run_id).values()) == [1] * 6
    assert len(observer.containers()) >= 8


@pytest.mark.parametrize(("children_first", "first_steps"), [(True, 2), (False, 3)])
def test_who_may_call_airflow_repeats_only_failed_tasks_a_retry_repeats_the_run(observer, children_first, first_steps):
    """The page and the CLI clear failed tasks; the worker's own channel can only clear a whole run (both versions)."""
    observer.modes(b1="error")
    run_id = observer.trigger("fan", n=2, child="two_steps_child")
    assert observer.ended(run_id, 120) == "failed"
    observer.modes()
    if children_first:
        failed = [r for r, state in observer.children(run_id, "two_steps_child").items() if state == "failed"]
        observer.clear_failed_tasks("two_steps_child", *failed)
    observer.clear_fan_out(run_id)
    eventually("running again", lambda: observer.run_state("fan", run_id) != "failed", 30)
    assert observer.ended(run_id, 120) == "success"
    ran = [task["environment"] for task in observer.containers()]
    ran = [e["TASKLANE_TASK_ID"] for e in ran if e["TASKLANE_RUN_ID"].startswith(run_id)]
    assert (ran.count("first"), ran.count("work")) == (first_steps, 3)


def test_bad_input_is_quarantined_and_tolerated_failures_are_named(observer):
    observer.modes(b0="bad", b2="error")
    run_id = observer.trigger("fan", n=5, max_failed=1)
    assert observer.ended(run_id, 120) == "success"
    summary = observer.value(run_id, "return_value", "gather")
    assert (summary["state"], summary["failed"], summary["quarantined"]) == ("partial", {"error": [2]}, [0])
    path = f"/dags/fan/dagRuns/{run_id}"
    eventually("a note", lambda: "partial: 1 of 5" in (observer.rest.get(path).json()["note"] or ""), 20)


def test_no_more_than_max_parallel_are_open(observer):
    observer.modes(seconds=2)
    run_id = observer.trigger("fan", n=9, max_parallel=3)
    most = 0
    while observer.run_state("fan", run_id) not in ("success", "failed"):
        states = list(observer.children(run_id).values())
        most = max(most, sum(state in ("queued", "running") for state in states))
        time.sleep(0.5)
    assert observer.run_state("fan", run_id) == "success"
    assert most == 3
    assert len(observer.children(run_id)) == 9


def test_a_missing_and_a_paused_child_fail_with_the_way_out(observer):
    missing = observer.trigger("fan", n=2, child="nowhere")
    paused = observer.trigger("fan", n=2, child="asleep_child")
    assert observer.ended(missing, 60) == "failed"
    assert observer.ended(paused, 150) == "failed"


@pytest.mark.parametrize("how", ["task", "run", "delete"])
def test_failing_or_deleting_the_parent_cancels_children_and_stops_containers(observer, how):
    observer.modes(seconds=300)
    run_id = observer.trigger("fan", n=3)

    def running():
        tasks = [t for t in observer.containers() if t["environment"]["TASKLANE_RUN_ID"].startswith(run_id)]
        return [t for t in tasks if t["lastStatus"] == "RUNNING"]

    eventually("three containers run", lambda: len(running()) == 3, 90)
    if how == "task":
        observer.mark_fan_out(run_id, "failed")
    elif how == "run" or not DIRECT:  # Airflow 3.2 deletes no run that is running: who deletes must end it first
        observer.rest.patch(f"/dags/fan/dagRuns/{run_id}", json={"state": "failed"}).raise_for_status()
    if how == "delete":
        observer.delete_run("fan", run_id)
    eventually("children failed", lambda: set(observer.children(run_id).values()) == {"failed"}, 30)
    eventually("containers stopped", lambda: not running(), 60)


def test_what_ended_while_nobody_looked_is_not_done_again_after_the_parent_failed(world, observer):
    observer.modes(seconds=2)
    run_id = observer.trigger("fan", n=4)

    def containers(status):
        tasks = [t for t in observer.containers() if t["environment"]["TASKLANE_RUN_ID"].startswith(run_id)]
        return [t for t in tasks if t["lastStatus"] == status]

    eventually("containers run", lambda: len(containers("RUNNING")) >= 1, 90)
    eventually("all were started", lambda: len(containers("RUNNING") + containers("STOPPED")) == 4, 30)
    world.kill("triggerer")
    eventually("they ended", lambda: len(containers("STOPPED")) == 4, 60)
    before = list(observer.children(run_id).values()).count("success")
    assert before < 4
    observer.mark_fan_out(run_id, "failed")
    eventually("children cut off", lambda: "running" not in observer.children(run_id).values(), 30)
    world.start_component("triggerer")
    observer.clear_fan_out(run_id)
    eventually("running again", lambda: observer.run_state("fan", run_id) != "failed", 30)
    assert observer.ended(run_id, 120) == "success"
    assert set(observer.children(run_id).values()) == {"success"}
    assert sorted(observer.succeeded_containers(run_id).values()) == [1] * 4
    assert len(containers("STOPPED")) == 4


@pytest.mark.parametrize("child", ["worker_child", *(["lane_child"] if DIRECT else [])])
def test_kills_at_random_moments_double_nothing_and_lose_nothing(world, observer, child):
    source = random.Random(SEED)  # noqa: S311 (no secret)
    bad = source.sample(range(BATCHES), BATCHES // 10)
    observer.modes(seconds=0.05, **{f"b{index}": "error" for index in bad})
    run_id = observer.trigger("fan", n=BATCHES, child=child)
    for victim in source.sample(["worker", "triggerer", "scheduler", "api-server"], 4):
        time.sleep(source.uniform(2, 10))
        if victim == "worker":
            kill_a_task_process(world)
            continue
        world.kill(victim)
        time.sleep(source.uniform(0, 3))
        world.start_component(victim)
    observer.ended(run_id, 600)
    observer.modes(seconds=0.05)
    for _ in range(4):  # a killed worker fails its own batch or the parent: people clear, until all is well
        if observer.run_state("fan", run_id) == "success":
            break
        observer.clear_fan_out(run_id)
        eventually("running again", lambda: observer.run_state("fan", run_id) != "failed", 60)
        observer.ended(run_id, 600)
    assert observer.run_state("fan", run_id) == "success"
    children = observer.children(run_id, child)
    assert len(children) == BATCHES
    assert set(children.values()) == {"success"}
    assert observer.succeeded_containers(run_id) == dict.fromkeys(children, 1)
    assert set(observer.succeeded_containers(run_id, by="TASKLANE_ATTEMPT").values()) == {1}
    summary = observer.value(run_id, "return_value", "gather")
    assert (summary["state"], summary["succeeded"]) == ("complete", BATCHES)


def kill_a_task_process(world):
    """SIGKILL to a process that runs a task (a grandchild of the scheduler), if there is one just now."""
    scheduler = psutil.Process(world.services["scheduler"].process.pid)
    tasks = [child for worker in scheduler.children() for child in worker.children()]
    if tasks:
        tasks[0].kill()

"""How many questions a fan-out asks Airflow, and what it concludes from the answers."""

import asyncio

import pytest

from lanes.fan_outs.child_runs.watch import FAILURES_PER_LOOK, RUNS_PER_LOOK, ChildWatch
from lanes.fan_outs.state import FanOutState


class Answers:
    """An Airflow whose runs are a dict of (task state, run state); counts what it is asked."""

    def __init__(self, runs):
        self.runs, self.asked = runs, []

    async def task_states(self, run_ids):
        self.asked.append(("tasks", len(run_ids)))
        return {r: {"work": self.runs[r][0]} for r in run_ids if r in self.runs}

    async def run_state(self, run_id):
        self.asked.append(("run", run_id))
        return self.runs[run_id][1] if run_id in self.runs else None

    async def failure_class(self, run_id, task_id):
        self.asked.append(("class", run_id))
        return "memory"

    async def running_runs(self):
        return sum(run == "running" for _, run in self.runs.values())


def watch(runs, count):
    airflow = Answers(runs)
    state = FanOutState([], list(range(count)))
    return airflow, ChildWatch(airflow, state, str)


def look(watched):
    return asyncio.run(watched.look())


@pytest.mark.parametrize("count", [10, 200, 1000, 10000])
def test_a_look_takes_a_bounded_number_of_queries(count):
    airflow, watched = watch({str(i): ("deferred", "running") for i in range(count)}, count)
    for _ in range(5):
        airflow.asked.clear()
        assert look(watched) == 0
        assert len(airflow.asked) <= 2
        assert all(number <= RUNS_PER_LOOK for _, number in airflow.asked)


def test_every_run_is_looked_at_in_turn():
    runs = {str(i): ("deferred", "running") for i in range(1000)}
    _, watched = watch(runs, 1000)
    runs["950"] = ("success", "running")
    looks = 0
    while not look(watched):
        looks += 1
        assert looks < 12
    assert watched.state.succeeded == [950]


def test_many_failures_at_once_are_asked_about_in_portions():
    airflow, watched = watch({str(i): ("failed", "failed") for i in range(100)}, 100)
    assert look(watched) == FAILURES_PER_LOOK
    assert len(airflow.asked) == 1 + 2 * FAILURES_PER_LOOK
    while not watched.state.over:
        look(watched)
    assert watched.state.failed == dict.fromkeys(range(100), "memory")


def test_trigger_rules_decide_about_a_run_with_a_failed_task():
    runs = {"0": ("failed", "success"), "1": ("failed", "running"), "2": ("skipped", "failed")}
    _, watched = watch(runs, 3)
    look(watched)
    assert watched.state.succeeded == [0]
    assert watched.state.running == [1]
    assert watched.state.failed == {2: "unknown"}


def test_a_deleted_run_is_named_so():
    _, watched = watch({}, 1)
    look(watched)
    assert watched.state.failed == {0: "deleted"}


def test_nothing_starts_means_paused_only_when_no_run_of_the_dag_runs():
    runs = {"0": (None, "queued"), "1": (None, "queued")}
    _, watched = watch(runs, 2)
    look(watched)
    assert asyncio.run(watched.nothing_starts())
    runs["someone else's"] = ("deferred", "running")
    assert not asyncio.run(watched.nothing_starts())
    del runs["someone else's"]
    runs["0"] = ("deferred", "running")
    look(watched)
    assert not asyncio.run(watched.nothing_starts())

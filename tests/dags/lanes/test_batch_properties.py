"""Whatever dies and whatever is lost: one job per launch, none forgotten, and the end that the job had."""

import asyncio
import gc
import logging
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lanes.attempts.attempt_run import AttemptRun
from lanes.attempts.failures import Kind
from lanes.attempts.steps import MOST_RELAUNCHES, first_step, next_step
from lanes.aws.calls import AwsCalls
from lanes.aws.logs import LogReader
from lanes.batch import submit
from lanes.batch.engine import BatchEngine
from lanes.batch.poller import BatchPoller
from lanes.batch.verdict import of_job
from tests.dags.lanes.batch_model import ENDS, BatchModel
from tests.dags.lanes.ecs_model import Dead, NoLogs

FAULTS = st.lists(st.sampled_from([None, None, "throttle", "lost", "die", "die after"]), max_size=12)
ENDINGS = st.lists(st.sampled_from(sorted(ENDS)), max_size=8)
CAPACITY = st.sampled_from(["on_demand", "spot", "spot_first"])
LAG = st.integers(0, 2)
SLOW = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def quick(no_waiting, monkeypatch):
    monkeypatch.setattr(submit, "SETTLE_SECONDS", (0.0, 0.0, 0.0))
    logging.disable(logging.CRITICAL)
    yield
    gc.collect()  # asyncio reports the deaths of these processes when it forgets them
    logging.disable(logging.NOTSET)


def until_it_ends(model, launch):
    """Process after process carries the attempt on, until one sees its end. None of them is fresh."""

    async def run():
        calls = AwsCalls({"batch": model, "logs": NoLogs()})
        engine = BatchEngine(launch, calls, BatchPoller(calls), prepared_at=0.0)
        return await AttemptRun(launch, engine, LogReader(calls, launch.log_group)).run()

    while True:
        try:
            return asyncio.run(run())
        except (Dead, RuntimeError):  # the poller passes the death on as "the poller was stopped"
            continue


def expected(launch, ends):
    """What the attempt should come to: the fold of the state machine over how its jobs end."""
    step = first_step(launch)
    for name in [*ends, "ok"]:
        exit_code, why, reason = ENDS[name]
        job = {"status": "SUCCEEDED" if exit_code == 0 else "FAILED", "statusReason": why, "container": {}}
        job["container"] |= {"reason": reason} | ({} if exit_code is None else {"exitCode": exit_code})
        failure = of_job(job, launch.attempt.attempt_id)
        following = next_step(launch, step, failure) if failure else None
        if following is None:
            return failure, step
        step = following
    raise AssertionError("the last end is ok")


@SLOW
@given(ends=ENDINGS, faults=FAULTS, capacity=CAPACITY, polls=st.integers(0, 3), lag=LAG)
def test_one_job_per_launch_and_the_true_end(make_batch_launch, ends, faults, capacity, polls, lag):
    model, launch = BatchModel(ends, faults, polls, lag), make_batch_launch(capacity=capacity)
    outcome = until_it_ends(model, launch)
    failure, step = expected(launch, ends)
    assert (outcome.failure, outcome.step) == (failure, step)
    assert len(model.jobs) == step.number + 1
    assert model.running() == []


@SLOW
@given(ends=ENDINGS, faults=FAULTS, polls=st.integers(0, 3))
def test_a_cleared_task_never_gets_the_old_job(make_batch_launch, attempt, ends, faults, polls):
    model = BatchModel(ends, faults, polls)
    until_it_ends(model, make_batch_launch())
    before = set(model.jobs)
    cleared = make_batch_launch(attempt=replace(attempt, try_number=2, attempt_id="new", life="another"))
    outcome = until_it_ends(model, cleared)
    assert outcome.arn not in before
    assert model.running() == []


def test_spot_falls_back_on_demand(make_batch_launch):
    for end in ("spot", "fargate spot", "capacity"):
        model = BatchModel([end])
        assert until_it_ends(model, make_batch_launch(capacity="spot_first")).failure is None
        assert [request["jobQueue"] for request in model.requests] == ["spot-queue", "queue"]


def test_out_of_memory_asks_for_the_next_size(make_batch_launch):
    model = BatchModel(["memory", "memory"])
    outcome = until_it_ends(model, make_batch_launch())
    asked = [request["containerOverrides"]["resourceRequirements"] for request in model.requests]
    assert [[one["value"] for one in each] for each in asked] == [["1", "2048"], ["2", "8192"]]
    assert outcome.failure.kind is Kind.MEMORY


def test_relaunches_are_bounded(make_batch_launch):
    model = BatchModel(["spot"] * 20)
    assert until_it_ends(model, make_batch_launch(capacity="spot")).failure.kind is Kind.SPOT
    assert len(model.jobs) == MOST_RELAUNCHES + 1

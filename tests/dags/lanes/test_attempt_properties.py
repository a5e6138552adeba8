"""Whatever happens to the processes and the calls: one container per launch, and Airflow learns the truth."""

import asyncio
import contextlib
import logging
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lanes.attempts.attempt_run import AttemptRun
from lanes.attempts.failures import Kind
from lanes.attempts.steps import MOST_RELAUNCHES, first_step, next_step
from lanes.aws.calls import AwsCalls
from lanes.aws.logs import LogReader
from lanes.ecs.engine import EcsEngine
from lanes.ecs.poller import EcsPoller
from tests.dags.lanes.ecs_model import ENDS, Dead, EcsModel, NoLogs

FAULTS = st.lists(st.sampled_from([None, None, "throttle", "lost", "die", "die after"]), max_size=12)
ENDINGS = st.lists(st.sampled_from(sorted(ENDS)), max_size=8)
CAPACITY = st.sampled_from(["on_demand", "spot", "spot_first"])
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def quick(no_waiting):
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def attempt_in_new_process(model, launch, look_first):
    """One process that carries the attempt on; raises Dead when it is killed."""

    async def run():
        calls = AwsCalls({"ecs": model, "logs": NoLogs()})
        logs = LogReader(calls, launch.log_group)
        prepared_at = 0.0 if look_first else time.time()
        engine = EcsEngine(launch, calls, EcsPoller(calls, launch.cluster), prepared_at)
        return await AttemptRun(launch, engine, logs).run()

    return asyncio.run(run())


def until_it_ends(model, launch, look_first=False):
    while True:
        try:
            return attempt_in_new_process(model, launch, look_first)
        except (Dead, RuntimeError):  # the poller passes the death on as "the poller was stopped"
            continue


def expected(launch, ends):
    """What the attempt should come to: the fold of the state machine over how its containers end."""
    from lanes.attempts.failures import of_stopped

    step = first_step(launch)
    for name in [*ends, "ok"]:
        exit_code, code, reason, container = ENDS[name]
        described = {"stopCode": code, "stoppedReason": reason, "containers": [{"name": launch.container}]}
        described["containers"][0] |= {"reason": container} | ({} if exit_code is None else {"exitCode": exit_code})
        failure = of_stopped(described, launch.container, launch.attempt.attempt_id)
        following = next_step(launch, step, failure) if failure else None
        if following is None:
            return failure, step
        step = following
    raise AssertionError("the last end is ok")


@SLOW
@given(ends=ENDINGS, faults=FAULTS, capacity=CAPACITY, polls=st.integers(0, 3), look=st.booleans())
def test_one_container_per_launch_and_the_true_end(make_launch, ends, faults, capacity, polls, look):
    model, launch = EcsModel(ends, faults, polls), make_launch(capacity=capacity)
    outcome = until_it_ends(model, launch, look)
    failure, step = expected(launch, ends)
    assert (outcome.failure, outcome.step) == (failure, step)
    assert len(model.tasks) == step.number + 1
    assert model.running() == []


@SLOW
@given(
    ends=st.lists(st.sampled_from(["ok", "error"]), min_size=1, max_size=4),
    faults=FAULTS,
    deaths=st.lists(st.booleans(), max_size=3),
    polls=st.integers(0, 3),
)
def test_a_dead_attempt_is_taken_over_by_the_next_one(make_launch, attempt, ends, faults, deaths, polls):
    """The next try goes on with what runs or has succeeded; what failed was the earlier try's own failure."""
    model = EcsModel(ends, faults, polls)
    tries = [replace(attempt, try_number=number + 1, attempt_id=f"id-{number}") for number in range(len(deaths) + 1)]
    for current, dies in zip(tries, [*deaths, False], strict=True):
        launch = make_launch(attempt=current)
        if dies:
            with_death = [*[None] * current.try_number, "die"]
            model._faults = iter([*with_death, *[None] * 1000])
            try:
                outcome = attempt_in_new_process(model, launch, current.try_number > 1)
            except (Dead, RuntimeError):
                continue
        else:
            outcome = until_it_ends(model, launch, current.try_number > 1)
        break
    assert model.running() == []
    used = model.tasks[outcome.arn]["end"]
    assert (outcome.failure is None) == (used == "ok")
    assert len(model.tasks) <= current.try_number
    failed_before = [task for task in model.tasks.values() if task["taskArn"] != outcome.arn]
    assert all(task["end"] == "error" for task in failed_before), "a good container was thrown away"


@SLOW
@given(ends=ENDINGS, polls=st.integers(0, 3), moment=st.integers(0, 6))
def test_a_cleared_task_never_gets_the_old_container(make_launch, attempt, ends, polls, moment):
    model = EcsModel(ends, [*[None] * moment, "die"], polls)
    with contextlib.suppress(Dead, RuntimeError):
        attempt_in_new_process(model, make_launch(), False)
    before = set(model.tasks)
    cleared = make_launch(attempt=replace(attempt, try_number=2, attempt_id="new", life="another"))
    outcome = until_it_ends(model, cleared, True)
    assert outcome.arn not in before
    assert model.running() == []


@SLOW
@given(ends=st.lists(st.sampled_from(["ok", "error"]), min_size=1), polls=st.integers(0, 3), moment=st.integers(0, 6))
def test_an_attempt_cut_off_with_its_fan_out_is_gone_on_with(make_launch, attempt, ends, polls, moment):
    """No person cleared it: what succeeded before Airflow knew of it, or still runs, is not done twice."""
    model = EcsModel(ends, [*[None] * moment, "die"], polls)
    with contextlib.suppress(Dead, RuntimeError):
        attempt_in_new_process(model, make_launch(), False)
    started = len(model.tasks)
    after = replace(attempt, try_number=2, attempt_id="new", life="another", cut_off=[attempt.attempt_id])
    outcome = until_it_ends(model, make_launch(attempt=after), True)
    assert [task["end"] for task in model.tasks.values()].count("ok") == (outcome.failure is None)
    assert len(model.tasks) <= started + 1
    assert model.running() == []


@given(ends=st.lists(st.sampled_from(["spot", "capacity", "memory"]), min_size=20, max_size=20), capacity=CAPACITY)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_relaunches_are_bounded_and_follow_the_rules(make_launch, ends, capacity):
    launch = make_launch(capacity=capacity)
    failure, step = expected(launch, ends)
    assert step.number <= MOST_RELAUNCHES + len(launch.sizes)
    assert failure.kind in (Kind.SPOT, Kind.CAPACITY, Kind.MEMORY)
    if failure.kind is Kind.MEMORY:
        assert step.size == len(launch.sizes) - 1
    assert not (capacity == "on_demand" and step.spot)


def test_spot_first_goes_on_demand_after_the_first_interruption(make_launch):
    model = EcsModel(["spot"])
    outcome = until_it_ends(model, make_launch(capacity="spot_first"))
    assert outcome.failure is None
    assert ["capacityProviderStrategy" in request for request in model.requests] == [True, False]

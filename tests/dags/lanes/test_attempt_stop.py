"""Who ends a task leaves nothing running: not what AWS starts late, not what another triggerer had started."""

import asyncio
from types import SimpleNamespace

import pytest

from lanes.attempts import attempt_run
from lanes.attempts.attempt_run import AttemptRun
from lanes.attempts.engine import Seen
from lanes.attempts.identity import ENDED_OR_CLEARED
from lanes.attempts.steps import Found, Step, choose


class Clock:
    now = 1000.0


class LaneModel:
    """A lane whose start or look takes until `answer` is set, and whose descriptions come from a list."""

    calls = None

    def __init__(self, *, look_first=False, found=(), descriptions=()):
        self.look_first, self.found = look_first, list(found)
        self.poller = self
        self.watched = 0
        self.answer = asyncio.Event()
        self.descriptions = iter(descriptions)
        self.stopped = []

    async def find(self):
        if not self.answer.is_set():
            await self.answer.wait()
        return self.found

    async def start(self, step):
        await self.answer.wait()
        return "new"

    async def stop(self, arn, reason):
        self.stopped.append((arn, reason))

    async def next(self, arn):
        seconds, description = next(self.descriptions)
        Clock.now += seconds
        return description

    def read(self, description):
        return description


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(attempt_run, "time", SimpleNamespace(monotonic=lambda: Clock.now, time=lambda: Clock.now))


async def cancelled(engine, launch):
    """An attempt that was cancelled before AWS had answered its first question."""
    run = AttemptRun(launch, engine, None)
    task = asyncio.create_task(run.run())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait({task})
    return run


def found(arn, attempt_id, life, *, running=True, number=0):
    return Found(arn, 1.0, attempt_id, life, None, Step(number, 0, False), running, succeeded=False)


def test_what_aws_starts_after_minutes_of_throttling_is_stopped_as_well(make_launch, monkeypatch):
    monkeypatch.setattr(attempt_run, "START_ANSWER_SECONDS", 0.01)
    launch = make_launch()

    async def scenario():
        engine = LaneModel()
        run = await cancelled(engine, launch)
        await run.stop(ENDED_OR_CLEARED)
        before = list(engine.stopped)
        engine.answer.set()
        await asyncio.sleep(0.01)
        return before, engine.stopped

    before, after = asyncio.run(scenario())
    assert before == []
    assert after == [("new", launch.attempt.stop_reason(ENDED_OR_CLEARED))]


def test_a_triggerer_that_had_not_yet_found_the_container_stops_it(make_launch, attempt):
    """Its predecessor died; the task was failed while this one was still looking."""
    others = [
        found("newer", "after the clear", "another life"),
        found("over", attempt.attempt_id, "life-1", running=False),
    ]

    async def scenario():
        engine = LaneModel(look_first=True, found=[found("mine", attempt.attempt_id, "life-1"), *others])
        run = await cancelled(engine, make_launch())
        engine.answer.set()
        await run.stop(ENDED_OR_CLEARED)
        return engine.stopped

    assert [arn for arn, _ in asyncio.run(scenario())] == ["mine"]


def test_a_container_is_lost_when_aws_does_not_know_it_for_a_minute_not_once(make_launch, clock):
    running, ended = Seen("new", "RUNNING", ended=False), Seen("new", "STOPPED", ended=True)

    async def outcome(*descriptions):
        engine = LaneModel(descriptions=descriptions)
        engine.answer.set()
        return await AttemptRun(make_launch(), engine, None).run()

    missed_once = [(0, running), (3600, running), (2, None), (2, ended)]
    assert asyncio.run(outcome(*missed_once)).failure is None
    gone = [(0, running), (3600, running), (2, None), (61, None)]
    assert str(asyncio.run(outcome(*gone)).failure.kind) == "lost"


def test_of_twins_the_attempt_goes_on_with_the_one_that_was_not_ended_for_it(attempt):
    first, second = (
        found("first", attempt.attempt_id, "life-1", running=False),
        found("second", attempt.attempt_id, "l"),
    )
    chosen, orphans = choose([first, second], attempt)
    assert (chosen.arn, orphans) == ("second", [])
    both_run = [found("first", attempt.attempt_id, "life-1"), second]
    chosen, orphans = choose(both_run, attempt)
    assert (chosen.arn, [each.arn for each in orphans]) == ("first", ["second"])

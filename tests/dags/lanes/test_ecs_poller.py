"""One poller for many: few calls, nobody forgotten, nobody told the wrong thing."""

import asyncio

import pytest
from botocore.exceptions import ClientError

from lanes.aws import calls as ecs_calls
from lanes.aws.calls import AwsCalls, CallRefused
from lanes.ecs.poller import EcsPoller


class Ecs:
    def __init__(self, missing=(), error=None):
        self.calls, self.missing, self.error = [], missing, error

    def describe_tasks(self, cluster, tasks):
        self.calls.append(list(tasks))
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": "m"}}, "DescribeTasks")
        return {
            "tasks": [{"taskArn": arn, "lastStatus": "RUNNING"} for arn in tasks if arn not in self.missing],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in tasks if arn in self.missing],
        }


@pytest.fixture(autouse=True)
def quick(no_waiting):
    """Only the order of things is left."""


def ask(ecs, arns, rounds=1):
    async def work():
        poller = EcsPoller(AwsCalls({"ecs": ecs}), "c")
        answers = []
        for _ in range(rounds):
            answers = await asyncio.gather(*(poller.next(arn) for arn in arns), return_exceptions=True)
        return answers

    return asyncio.run(work())


def test_a_hundred_tasks_are_one_call():
    ecs = Ecs()
    answers = ask(ecs, [f"t{n}" for n in range(100)])
    assert [answer["taskArn"] for answer in answers] == [f"t{n}" for n in range(100)]
    assert len(ecs.calls) == 1


def test_no_call_takes_more_than_a_hundred_and_all_are_answered():
    ecs = Ecs()
    assert len([answer for answer in ask(ecs, [f"t{n}" for n in range(250)]) if answer]) == 250
    assert [len(call) for call in ecs.calls] == [100, 100, 50]


def test_the_same_task_asked_for_twice_is_one_question():
    ecs = Ecs()
    assert len(ask(ecs, ["t", "t"])) == 2
    assert ecs.calls == [["t"]]


def test_an_unknown_task_is_none():
    assert ask(Ecs(missing=["gone"]), ["here", "gone"])[1] is None


def test_a_refusal_reaches_everybody_who_waits():
    answers = ask(Ecs(error="AccessDeniedException"), ["a", "b"])
    assert all(isinstance(answer, CallRefused) for answer in answers)


def test_it_goes_on_after_a_pause():
    assert len(ask(Ecs(), ["a"], rounds=3)) == 1


def test_it_keeps_its_rate(monkeypatch):
    """300 tasks in real time: less than one call per second, whatever the tasks ask for."""
    monkeypatch.setattr(ecs_calls, "CALLS_PER_SECOND", {**ecs_calls.CALLS_PER_SECOND, "describe_tasks": 0.9})
    ecs = Ecs()

    async def work():
        poller = EcsPoller(AwsCalls({"ecs": ecs}), "c")

        async def watch(arn):
            while True:
                await poller.next(arn)

        watchers = [asyncio.create_task(watch(f"t{n}")) for n in range(300)]
        await asyncio.sleep(4.0)
        for watcher in watchers:
            watcher.cancel()

    asyncio.run(work())
    assert 1 <= len(ecs.calls) <= 5  # a slow machine makes fewer
    assert all(len(call) == 100 for call in ecs.calls)


@pytest.mark.parametrize(("watched", "seconds"), [(0, 2.0), (25, 3.0), (100, 6.0), (1000, 6.0)])
def test_many_tasks_share_rounds_and_their_ends_are_still_seen_within_seconds(monkeypatch, watched, seconds):
    monkeypatch.undo()
    poller = EcsPoller(AwsCalls({}), "c")
    poller.watched = watched
    assert poller._round_seconds() == seconds

"""The budget of a process: slower when AWS says so, and back again."""

import asyncio

import pytest
from botocore.exceptions import ClientError

from lanes.attempts import retries
from lanes.attempts.retries import Budget, backoff
from lanes.ecs import calls as ecs_calls
from lanes.ecs.calls import AwsCalls, CallRefused


def test_back_off_doubles_up_to_its_limit_and_is_spread():
    assert [backoff(n, lambda low, high: high) for n in (1, 2, 3, 10, 1000)] == [1.0, 2.0, 4.0, 30.0, 30.0]
    assert backoff(3, lambda low, high: low) == 2.0


def test_a_budget_halves_and_recovers():
    budget = Budget(10.0)
    for _ in range(20):
        budget.throttled()
    assert budget.rate == 0.5
    for _ in range(20):
        budget.answered()
    assert budget.rate == 10.0


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_a_refusal_is_an_answer_and_lets_the_budget_recover(monkeypatch, code):
    monkeypatch.setattr(retries, "FIRST_DELAY_SECONDS", 1e-6)
    monkeypatch.setattr(ecs_calls, "CALLS_PER_SECOND", dict.fromkeys(ecs_calls.CALLS_PER_SECOND, 1e4))
    errors = iter(["ThrottlingException"] * 3 + [code] * 100)

    class Logs:
        def get_log_events(self):
            raise ClientError({"Error": {"Code": next(errors), "Message": "m"}}, "GetLogEvents")

    async def work():
        calls = AwsCalls({"logs": Logs()})
        for _ in range(30):
            with pytest.raises(CallRefused):
                await calls.call("logs", "get_log_events")
        return calls._budgets["get_log_events"]

    budget = asyncio.run(work())
    assert budget.rate == budget.maximum


def test_one_who_may_wait_lets_others_go_first():
    async def work():
        calls = AwsCalls({})
        await calls.turn("get_log_events")  # takes the only token
        return await calls.turn_within("get_log_events", 0.0, urgent=False)

    assert asyncio.run(work()) is False


def test_an_urgent_turn_that_does_not_come_in_time_is_given_up(monkeypatch):
    monkeypatch.setattr(ecs_calls, "CALLS_PER_SECOND", dict.fromkeys(ecs_calls.CALLS_PER_SECOND, 0.01))

    async def work():
        calls = AwsCalls({})
        await calls.turn("get_log_events")
        return await calls.turn_within("get_log_events", 0.01, urgent=True)

    assert asyncio.run(work()) is False

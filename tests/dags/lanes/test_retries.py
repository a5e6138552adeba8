"""The budget of a process: slower when AWS says so, and back again."""

import asyncio

import pytest
from botocore.exceptions import ClientError

from lanes.attempts import retries
from lanes.attempts.retries import Budget, backoff
from lanes.aws import calls as ecs_calls
from lanes.aws.calls import AwsCalls, CallRefused


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
        def filter_log_events(self):
            raise ClientError({"Error": {"Code": next(errors), "Message": "m"}}, "FilterLogEvents")

    async def work():
        calls = AwsCalls({"logs": Logs()})
        for _ in range(30):
            with pytest.raises(CallRefused):
                await calls.call("logs", "filter_log_events")
        return calls._budgets["filter_log_events"]

    budget = asyncio.run(work())
    assert budget.rate == budget.maximum

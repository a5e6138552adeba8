"""One poller for all containers of a kind in this process: up to 100 per call of DescribeTasks or DescribeJobs."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from lanes.aws.calls import AwsCalls

log = logging.getLogger(__name__)

PER_CALL = 100  # limit of DescribeTasks and of DescribeJobs
# Between two rounds of questions: few tasks are looked at often; many share a round, and their ends are seen within
# LONGEST_SECONDS (up to 450 containers; beyond, the budget of the call stretches the round).
SHORTEST_SECONDS, LONGEST_SECONDS = 2.0, 6.0
TASKS_PER_EXTRA_SECOND = 25

Description = dict[str, Any]


class Poller(ABC):
    """Hands whoever waits for a container its next description. Those who wait longest are asked for first."""

    budget: ClassVar[str]

    def __init__(self, calls: AwsCalls) -> None:
        self._calls = calls
        self._waiting: dict[str, list[asyncio.Future[Description | None]]] = {}
        self._loop_task: asyncio.Task[None] | None = None
        self._next_round = 0.0
        self.watched = 0  # how many attempts ask again and again: they keep count themselves

    @abstractmethod
    async def _describe(self, arns: list[str]) -> dict[str, Description | None]:
        """One call: what is known of each; None for what AWS does not know. Who is left out is asked for again."""

    async def next(self, arn: str) -> Description | None:
        """Its description from a call made after now; None when AWS does not know it (any more)."""
        answer: asyncio.Future[Description | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(arn, []).append(answer)
        if self._loop_task is None or self._loop_task.done():
            # An empty context: what the poller logs belongs to no task, certainly not to the one that woke it.
            self._loop_task = asyncio.create_task(
                self._poll(), name=f"lanes-{self.budget}", context=contextvars.Context()
            )
        return await answer

    async def _poll(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._next_round - time.monotonic())
            self._next_round = time.monotonic() + self._round_seconds()
            for _ in range(math.ceil(len(self._waiting) / PER_CALL)):
                await self._calls.turn(self.budget)  # first, so that whoever comes meanwhile is in the same call
                await self._ask_next()

    def _round_seconds(self) -> float:
        return min(LONGEST_SECONDS, SHORTEST_SECONDS + self.watched / TASKS_PER_EXTRA_SECOND)

    async def _ask_next(self) -> None:
        arns = list(self._waiting)[:PER_CALL]
        # New waiters during the call are asked for with the next one: their answer must be newer than they are.
        asked = {arn: futures for arn in arns if not _all_gone(futures := self._waiting.pop(arn))}
        if asked:
            await self._ask(asked)

    async def _ask(self, asked: dict[str, list[asyncio.Future[Description | None]]]) -> None:
        try:
            found = await self._describe(list(asked))
        except BaseException as error:  # whoever waits must learn of it, whatever it is
            for future in _open(asked.values()):
                future.set_exception(error if isinstance(error, Exception) else RuntimeError("the poller was stopped"))
            if not isinstance(error, Exception):
                raise
            return
        for arn, futures in asked.items():
            if arn in found:
                for future in _open([futures]):
                    future.set_result(found[arn])
            else:
                self._waiting.setdefault(arn, []).extend(_open([futures]))


def _open(groups: Any) -> list[asyncio.Future[Description | None]]:
    return [future for futures in groups for future in futures if not future.done()]


def _all_gone(futures: list[asyncio.Future[Description | None]]) -> bool:
    return all(future.done() for future in futures)

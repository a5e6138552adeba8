"""One poller for all tasks of a cluster in this process: up to 100 tasks per DescribeTasks call."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import time
from typing import Any

from lanes.ecs.calls import AwsCalls

log = logging.getLogger(__name__)

TASKS_PER_CALL = 100  # limit of DescribeTasks
# Between two rounds of questions: few tasks are looked at often; many share a round, and their ends are seen within
# LONGEST_SECONDS (up to 450 tasks; beyond, the budget of DescribeTasks stretches the round).
SHORTEST_SECONDS, LONGEST_SECONDS = 2.0, 6.0
TASKS_PER_EXTRA_SECOND = 25

Description = dict[str, Any]


class EcsPoller:
    """Hands each waiting task its next description. Those who wait longest are asked for first."""

    def __init__(self, calls: AwsCalls, cluster: str) -> None:
        self._calls = calls
        self._cluster = cluster
        self._waiting: dict[str, list[asyncio.Future[Description | None]]] = {}
        self._loop_task: asyncio.Task[None] | None = None
        self._next_round = 0.0
        self.watched = 0  # how many attempts ask again and again: they keep count themselves

    async def next(self, arn: str) -> Description | None:
        """The task's description from a call made after now; None when ECS does not know it (any more)."""
        answer: asyncio.Future[Description | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(arn, []).append(answer)
        if self._loop_task is None or self._loop_task.done():
            # An empty context: what the poller logs belongs to no task, certainly not to the one that woke it.
            self._loop_task = asyncio.create_task(self._poll(), name="lanes-ecs-poller", context=contextvars.Context())
        return await answer

    async def _poll(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._next_round - time.monotonic())
            self._next_round = time.monotonic() + self._round_seconds()
            for _ in range(math.ceil(len(self._waiting) / TASKS_PER_CALL)):
                await self._calls.turn("describe_tasks")  # first, so that whoever comes meanwhile is in the same call
                await self._ask_next()

    def _round_seconds(self) -> float:
        return min(LONGEST_SECONDS, SHORTEST_SECONDS + self.watched / TASKS_PER_EXTRA_SECOND)

    async def _ask_next(self) -> None:
        arns = list(self._waiting)[:TASKS_PER_CALL]
        # New waiters during the call are asked for with the next one: their answer must be newer than they are.
        asked = {arn: futures for arn in arns if not _all_gone(futures := self._waiting.pop(arn))}
        if asked:
            await self._ask(asked)

    async def _ask(self, asked: dict[str, list[asyncio.Future[Description | None]]]) -> None:
        try:
            answer = await self._calls.call(
                "ecs", "describe_tasks", paid=True, cluster=self._cluster, tasks=list(asked)
            )
        except BaseException as error:  # whoever waits must learn of it, whatever it is
            for future in _open(asked.values()):
                future.set_exception(error if isinstance(error, Exception) else RuntimeError("the poller was stopped"))
            if not isinstance(error, Exception):
                raise
            return
        found = {task["taskArn"]: task for task in answer.get("tasks", [])}
        missing = {failure.get("arn") for failure in answer.get("failures", [])}
        for arn, futures in asked.items():
            if arn in found or arn in missing:
                for future in _open([futures]):
                    future.set_result(found.get(arn))
            else:  # neither task nor failure: an empty answer is no answer (seen under throttling); ask again
                self._waiting.setdefault(arn, []).extend(_open([futures]))


def _open(groups: Any) -> list[asyncio.Future[Description | None]]:
    return [future for futures in groups for future in futures if not future.done()]


def _all_gone(futures: list[asyncio.Future[Description | None]]) -> bool:
    return all(future.done() for future in futures)

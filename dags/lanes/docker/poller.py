"""Descriptions of one attempt's containers, asked for one at a time: the engine is on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from lanes.attempts.engine import Description

# Between two questions: a short task's end is seen at once, a long one's within LONGEST_SECONDS.
SHORTEST_SECONDS, LONGEST_SECONDS, GROWTH = 0.1, 2.0, 1.2


class InspectPoller:
    def __init__(self, inspect: Callable[[str], Awaitable[Description | None]]) -> None:
        self._inspect = inspect
        self._pauses: dict[str, float] = {}
        self.watched = 0

    async def next(self, arn: str) -> Description | None:
        """Its description from now; None when the engine does not know it (any more)."""
        pause = self._pauses.get(arn, 0.0)
        self._pauses[arn] = min(LONGEST_SECONDS, max(SHORTEST_SECONDS, pause * GROWTH))
        await asyncio.sleep(pause)
        return await self._inspect(arn)

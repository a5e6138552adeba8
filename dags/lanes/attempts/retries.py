"""Patience: how long to wait before asking AWS again, and one budget per process for each kind of call."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 30.0


def backoff(failures: int, chance: Callable[[float, float], float] = random.uniform) -> float:
    """Seconds to wait after `failures` failures in a row (1 = the first): doubling, capped, with full jitter.

    Half of the delay is fixed, so that a burst of callers is spread and still nobody asks again at once.
    """
    ceiling = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(failures - 1, 10))
    return ceiling / 2 + chance(0, ceiling / 2)


class Budget:
    """Calls per second that this process allows itself, shared by all its tasks.

    Halves when AWS throttles (down to a twentieth) and recovers by a twentieth of the maximum per answered call.
    """

    def __init__(self, per_second: float, burst: int = 1) -> None:
        self.maximum = per_second
        self.rate = per_second
        self._burst = burst
        self._tokens = float(burst)
        self._filled_at = time.monotonic()
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Wait for the right to make one call; callers are served in order."""
        async with self._turn:
            while (lacking := 1.0 - self._refilled()) > 0:
                await asyncio.sleep(lacking / self.rate)
            self._tokens -= 1.0

    def take_now(self) -> bool:
        """Take the right to make one call if there is one to spare."""
        if self._turn.locked() or self._refilled() < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def throttled(self) -> None:
        self.rate = max(self.rate / 2, self.maximum / 20)

    def answered(self) -> None:
        self.rate = min(self.maximum, self.rate + self.maximum / 20)

    def _refilled(self) -> float:
        now = time.monotonic()
        self._tokens = min(float(self._burst), self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        return self._tokens

"""A seeded schedule of faults, carried out while a run is going on: the same seed, the same storm."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass

from tests.faults.aws_proxy import AwsProxy, Rule, random_faults
from tests.faults.world import World

KILLS = ("triggerer", "triggerer", "scheduler", "worker", "worker", "emulator")
OUTAGE_SECONDS = 15.0
RESTART_SECONDS = 2.0


@dataclass(frozen=True)
class Blow:
    """At `second` of the storm: kill -9 of a component, or `outage`: AWS answers every call with an error.

    `worker`: one of the local executor's workers with the task it runs. `emulator`: ECS answers nothing until it is
    started again, and the running containers die with it, as those of a lost host.
    """

    second: float
    what: str


def schedule(seed: int, seconds: float) -> list[Blow]:
    """The kills and one outage, at random moments."""
    chance = random.Random(seed)  # noqa: S311 (a schedule)
    blows = [Blow(chance.uniform(5, seconds), what) for what in (*KILLS, "outage")]
    return sorted(blows, key=lambda blow: blow.second)


class Storm:
    """Spoils `share` of all AWS calls, and deals the blows of the schedule. Use as a context manager."""

    def __init__(self, world: World, proxy: AwsProxy, seed: int, *, seconds: float, share: float) -> None:
        self.dealt: Counter[str] = Counter()
        self._world = world
        self._proxy = proxy
        self._blows = schedule(seed, seconds)
        self._rule = random_faults(share)

    def __enter__(self) -> Storm:
        self._proxy.rule = self._rule
        # Service processes die with the *thread* that started them: restarts belong to the main thread (see `go_on`).
        self._begun = time.monotonic()
        return self

    def go_on(self) -> None:
        """Deal the blows that are due; called again and again by the main thread while it waits."""
        while self._blows and time.monotonic() - self._begun >= self._blows[0].second:
            blow = self._blows.pop(0)
            if blow.what == "worker" and not self._world.kill_worker():
                self._blows.insert(0, blow)  # none was busy: as soon as one is
                return
            self.dealt[blow.what] += 1
            if blow.what == "outage":
                self._proxy.rule = _outage(self._rule)
            elif blow.what != "worker":
                self._world.kill(blow.what)
                time.sleep(RESTART_SECONDS)
                self._world.restart(blow.what)

    def __exit__(self, *_: object) -> None:
        self._proxy.rule = lambda action, chance: None


def _outage(afterwards: Rule) -> Rule:
    until = time.monotonic() + OUTAGE_SECONDS
    return lambda action, chance: "server" if time.monotonic() < until else afterwards(action, chance)

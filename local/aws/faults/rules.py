"""One fault rule: what it matches, how often it fires, with which parameters.

Every rule draws from a random generator of its own, seeded by the switch's seed and the rule's number: the same rules
under the same calls fire in the same places, whatever other rules exist.
"""

import random
import time
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
CALL_FAULTS = {"throttle", "quota", "error", "latency", "lost_answer", "lost_request"}
TASK_FAULTS = {"capacity", "spot", "memory", "pull_error", "start_latency"}
_SPOT = {"FARGATE_SPOT", "SPOT"}  # SPOT: the instances of a Batch compute environment
_COMMON = {"fault", "rate", "count", "skip", "delay_seconds", "for_seconds"}
_CALL = _COMMON | {"service", "action"}
_TASK = _COMMON | {"family", "provider"}
_ALLOWED = {
    "throttle": _CALL,
    "quota": _CALL | {"burst", "per_second"},
    "error": _CALL | {"status", "code", "message"},
    "latency": _CALL | {"seconds"},
    "lost_answer": _CALL,
    "lost_request": _CALL,
    "capacity": _COMMON | {"provider", "reason", "as"},
    "spot": _TASK | {"seconds"},
    "memory": _TASK | {"seconds"},
    "pull_error": _TASK | {"reason"},
    "start_latency": _TASK | {"seconds"},
    "slow_resource": _COMMON | {"type", "seconds"},
}


@dataclass
class Rule:
    """A rule and its counters. Times are monotonic seconds."""

    number: int
    given: Json
    random: random.Random
    starts: float
    ends: float
    matched: int = 0
    fired: int = 0
    tokens: float = float("inf")  # of a quota; the first use fills it to `burst`
    filled: float = 0.0

    @classmethod
    def parse(cls, number: int, given: Any, seed: int) -> "Rule":
        """Check a rule as it came in. Raises ValueError with what is allowed."""
        fault = given.get("fault") if isinstance(given, dict) else None
        if fault not in _ALLOWED:
            raise ValueError(f"fault {fault!r} is unknown (allowed: {', '.join(sorted(_ALLOWED))})")
        unknown = sorted(set(given) - _ALLOWED[fault])
        if unknown:
            raise ValueError(f"{fault}: unknown {', '.join(unknown)} (allowed: {', '.join(sorted(_ALLOWED[fault]))})")
        if fault in CALL_FAULTS and not (isinstance(given.get("service"), str) and given["service"]):
            raise ValueError(f'{fault}: needs "service" (such as "ecs"; "*" for every service)')
        if not 0 <= float(given.get("rate", 1)) <= 1:
            raise ValueError(f"{fault}: rate {given['rate']} is not between 0 and 1")
        starts = time.monotonic() + float(given.get("delay_seconds", 0))
        ends = starts + float(given.get("for_seconds", float("inf")))
        _range(given.get("seconds", 0))
        if fault == "quota" and not (given.get("burst", 0) >= 1 and given.get("per_second", 0) > 0):
            raise ValueError('quota: needs "burst" (at least 1) and "per_second" (above 0)')
        generator = random.Random(f"{seed}:{number}")  # noqa: S311 - repeatable on purpose
        return cls(number, given, generator, starts, ends)

    @property
    def fault(self) -> str:
        """What the rule does."""
        return str(self.given["fault"])

    def fires(self) -> bool:
        """Whether it fires for one match: window, skipped matches, count, then chance."""
        now = time.monotonic()
        if not self.starts <= now < self.ends or self.fired >= self.given.get("count", float("inf")):
            return False
        self.matched += 1
        if self.fault == "quota" and self._within_quota(now):
            return False
        if self.matched <= self.given.get("skip", 0) or self.random.random() >= self.given.get("rate", 1):
            return False
        self.fired += 1
        return True

    def _within_quota(self, now: float) -> bool:
        """A token bucket: `burst` calls at once, refilled at `per_second` (how AWS throttles its APIs)."""
        filled = self.tokens + (now - self.filled) * self.given["per_second"]
        self.tokens, self.filled = min(filled, float(self.given["burst"])), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def matches_call(self, service: str, action: str) -> bool:
        """Whether it is about a call such as ('ecs', 'RunTask')."""
        wanted = self.given.get("action", "*")
        names = [wanted] if isinstance(wanted, str) else wanted
        return self.given.get("service") in ("*", service) and ("*" in names or action in names)

    def matches_task(self, record: Json) -> bool:
        """Whether it is about a task (family, capacity provider or launch type)."""
        family = record["taskDefinitionArn"].rsplit("/", 1)[-1].rsplit(":", 1)[0]
        provider = record.get("capacityProviderName") or record["launchType"]
        wanted = self.given.get("provider", "*")
        usual = self.fault != "spot" or "provider" in self.given or provider in _SPOT
        return self.given.get("family", "*") in ("*", family) and wanted in ("*", provider) and usual

    def seconds(self) -> float:
        """The rule's `seconds`: a number, or one drawn from [least, most]."""
        least, most = _range(self.given.get("seconds", 0))
        return self.random.uniform(least, most)

    def describe(self) -> Json:
        """The rule with its counters."""
        over = time.monotonic() >= self.ends or self.fired >= self.given.get("count", float("inf"))
        return {"number": self.number, "rule": self.given, "matched": self.matched, "fired": self.fired, "over": over}


def _range(seconds: Any) -> tuple[float, float]:
    pair = seconds if isinstance(seconds, list) else [seconds, seconds]
    if len(pair) != 2 or not all(isinstance(one, int | float) and one >= 0 for one in pair):
        raise ValueError(f"seconds {seconds!r} is neither a number nor [least, most]")
    return float(pair[0]), float(pair[1])

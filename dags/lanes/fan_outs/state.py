"""Where a fan-out stands: what is dispatched, what ended how, and what that means. Pure, and JSON both ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import floor
from typing import Any, Self

# A batch of nothing but bad samples ends with this class (exit code 2): each of its samples is recorded by name.
QUARANTINED = "input"
NAMED_IN_ERROR = 20


@dataclass
class FanOutState:
    """Batches by index. `waiting` are not dispatched yet, in order of priority; `running` are dispatched and open."""

    waiting: list[int]
    running: list[int] = field(default_factory=list)
    succeeded: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)  # class of the failure

    @property
    def total(self) -> int:
        return len(self.waiting) + len(self.running) + len(self.succeeded) + len(self.failed)

    @property
    def ended(self) -> int:
        return len(self.succeeded) + len(self.failed)

    @property
    def over(self) -> bool:
        return not self.waiting and not self.running

    def room(self, max_parallel: int) -> int:
        """How many more may be dispatched now; `max_parallel` 0 is no limit."""
        return len(self.waiting) if not max_parallel else max(0, max_parallel - len(self.running))

    def wants_more(self, max_parallel: int) -> bool:
        """Whether it is worth a worker's start to dispatch more: a third of the room is free, or nothing runs."""
        if not self.waiting:
            return False
        return not self.running or self.room(max_parallel) >= max(1, max_parallel // 3)

    def dispatched(self, count: int) -> list[int]:
        """Move the next `count` batches from waiting to running; returns them."""
        chosen, self.waiting = self.waiting[:count], self.waiting[count:]
        self.running += chosen
        return chosen

    def end(self, index: int, failure: str | None) -> None:
        self.running.remove(index)
        if failure is None:
            self.succeeded.append(index)
        else:
            self.failed[index] = failure

    def quarantined(self) -> list[int]:
        return sorted(index for index, kind in self.failed.items() if kind == QUARANTINED)

    def to_dict(self) -> dict[str, Any]:
        return {
            "waiting": self.waiting,
            "running": self.running,
            "succeeded": self.succeeded,
            "failed": {str(index): kind for index, kind in self.failed.items()},
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        failed = {int(index): kind for index, kind in values["failed"].items()}
        return cls(list(values["waiting"]), list(values["running"]), list(values["succeeded"]), failed)


@dataclass(frozen=True)
class Tolerance:
    """How many batches may fail: a number, or a fraction of all below 1. Quarantined batches do not count."""

    max_failed: float = 0.0
    quarantine: bool = True

    def __post_init__(self) -> None:
        if self.max_failed < 0 or (self.max_failed > 1 and self.max_failed != int(self.max_failed)):
            raise ValueError(
                f"max_failed {self.max_failed!r} is neither a number of batches (0, 1, 2, …) nor a fraction below 1"
            )

    def allowed(self, total: int) -> int:
        return floor(self.max_failed * total) if 0 < self.max_failed < 1 else int(self.max_failed)

    def counted(self, state: FanOutState) -> dict[int, str]:
        """The failures that count."""
        return {i: kind for i, kind in sorted(state.failed.items()) if not (self.quarantine and kind == QUARANTINED)}

    def exceeded(self, state: FanOutState) -> bool:
        return len(self.counted(state)) > self.allowed(state.total)


def by_class(failed: dict[int, str]) -> dict[str, list[int]]:
    classes: dict[str, list[int]] = {}
    for index, kind in sorted(failed.items()):
        classes.setdefault(kind, []).append(index)
    return classes


def summary(state: FanOutState, tolerance: Tolerance) -> dict[str, Any]:
    """What gather and people are told; `state` is complete, partial (something is missing) or failed."""
    missing = tolerance.counted(state)
    verdict = "complete" if not missing else "failed" if tolerance.exceeded(state) else "partial"
    return {
        "state": verdict,
        "total": state.total,
        "succeeded": len(state.succeeded),
        "failed": by_class(missing),
        "quarantined": state.quarantined() if tolerance.quarantine else [],
    }


def describe(
    target: str, state: FanOutState, tolerance: Tolerance, name_of: Any, *, what: str = "child runs",
    named: int = NAMED_IN_ERROR,
) -> str:  # fmt: skip
    """The error of a fan-out: how many, why by class, and which runs."""
    counted = tolerance.counted(state)
    lines = [
        f"{len(counted)} of {state.total} {what} of {target} failed, {tolerance.allowed(state.total)} allowed"
        " (see their logs; a retry or clear of this task runs only these again):"
    ]
    for kind, indexes in sorted(by_class(counted).items(), key=lambda pair: (-len(pair[1]), pair[0])):
        lines.append(f"  {kind}: {len(indexes)} (batches {_ranges(indexes)})")
        lines += [f"    {name_of(index)}" for index in indexes[: max(1, named // len(by_class(counted)))]]
    return "\n".join(lines)


def _ranges(indexes: Iterable[int]) -> str:
    """3, 4, 5, 9 → 3-5, 9"""
    parts: list[list[int]] = []
    for index in sorted(indexes):
        if parts and index == parts[-1][1] + 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)

"""The batches of an array fan-out, one row each, and what follows from how they end. Pure, and JSON both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from lanes.attempts.failures import Failure, Kind
from lanes.attempts.steps import Step, first_step, next_step
from lanes.batch.launch import BatchLaunch
from lanes.fan_outs.state import QUARANTINED, FanOutState

MOST_IN_AN_ARRAY = 10_000  # limit of arrayProperties.size
WAITING, OPEN, RUNNING, SUCCEEDED, FAILED = "waiting", "queued", "running", "success", "failed"
ENDED = frozenset({SUCCEEDED, FAILED})


@dataclass
class Row:
    """One batch. `array` and `position` say which child of which array has it (the last one, if there were several).

    `size` is what was asked for, `step` where it is from there: larger after out of memory, on demand after Spot.
    `start` and `end` in seconds since 1970, 0 while unknown; `cost_usd` and `seconds`
    of all its containers that have ended; cost None where one of them has no known price.
    """

    index: int
    size: str
    capacity: str
    step: Step
    state: str = WAITING
    array: int = -1
    position: int = -1
    tries: int = 0
    generation: int = 0
    start: float = 0.0
    end: float = 0.0
    cost_usd: float | None = 0.0
    kind: str = ""
    reason: str = ""
    log_stream: str = ""
    seconds: float = 0.0

    def to_list(self) -> list[Any]:
        values = {**self.__dict__, "step": [self.step.number, self.step.size, self.step.spot]}
        return [values[name] for name in FIELDS]

    @classmethod
    def from_list(cls, values: list[Any]) -> Self:
        named = dict(zip(FIELDS, values, strict=False))
        return cls(**{**named, "step": Step(*named["step"])})


FIELDS = tuple(Row.__dataclass_fields__)


@dataclass(frozen=True)
class Wanted:
    """One array to submit: rows of one size and one kind of capacity."""

    size: str
    spot: bool
    batches: tuple[int, ...]


class Lane:
    """What the lane offers to a row: its sizes, those that each grows to, and the order that all rows share."""

    def __init__(self, launch: BatchLaunch, growth: Mapping[str, list[str]]) -> None:
        self.launch = launch
        self._by_name = {size.name: size for size in launch.sizes}
        self._orders = {
            (name, capacity): replace(
                launch, capacity=capacity, sizes=[self._by_name[n] for n in (name, *growth[name])]
            )
            for name in self._by_name
            for capacity in ("on_demand", "spot", "spot_first")
        }

    def row(self, index: int, size: str | None, capacity: str | None, generation: int = 0) -> Row:
        asked, where = size or self.launch.sizes[0].name, capacity or self.launch.capacity
        first = first_step(self._orders[asked, where])
        return Row(index, asked, where, first, generation=generation)

    def size_of(self, row: Row) -> str:
        return self._orders[row.size, row.capacity].sizes[row.step.size].name

    def order(self, size: str) -> BatchLaunch:
        return self._orders[size, self.launch.capacity]

    def failed(self, row: Row, failure: Failure) -> None:
        """Its container failed: again elsewhere or larger, where that helps; else the batch has failed."""
        row.kind, row.reason = str(failure.kind), failure.headline
        following = next_step(self._orders[row.size, row.capacity], row.step, failure)
        if following is None:
            row.state = FAILED
        else:
            row.state, row.step = WAITING, following

    def wanted(self, rows: Iterable[Row]) -> list[Wanted]:
        """The arrays that the waiting rows need, in the order of the batches."""
        groups: dict[tuple[str, bool], list[int]] = {}
        for row in rows:
            if row.state == WAITING:
                groups.setdefault((self.size_of(row), row.step.spot), []).append(row.index)
        return [
            Wanted(size, spot, tuple(batches[start : start + MOST_IN_AN_ARRAY]))
            for (size, spot), batches in groups.items()
            for start in range(0, len(batches), MOST_IN_AN_ARRAY)
        ]


def again(rows: list[Row], lane: Lane, asked: Mapping[int, Mapping[str, Any]], *, quarantine: bool) -> None:
    """A new attempt: what failed waits again, with the settings that a person asked for since.

    Batches of nothing but bad input stay as they are, unless a person named them.
    """
    for position, row in enumerate(rows):
        change = asked.get(row.index)
        renewed = change is not None and change["generation"] > row.generation
        kept = quarantine and row.kind == QUARANTINED
        if row.state != FAILED or (kept and not renewed):
            continue
        settings = change or {}
        fresh = lane.row(
            row.index, settings.get("size") or row.size, settings.get("capacity") or row.capacity,
            settings.get("generation", row.generation),
        )  # fmt: skip
        rows[position] = replace(fresh, tries=row.tries, cost_usd=row.cost_usd, seconds=row.seconds)


def state_of(rows: Iterable[Row]) -> FanOutState:
    """The same in the words that every engine's fan-out is judged and reported by."""
    state = FanOutState([])
    for row in rows:
        if row.state == SUCCEEDED:
            state.succeeded.append(row.index)
        elif row.state == FAILED:
            state.failed[row.index] = row.kind or str(Kind.ERROR)
        else:
            (state.waiting if row.state == WAITING else state.running).append(row.index)
    return state

"""Move schedules within their windows so that pools are wanted more evenly. Pure.

Greedy: the largest load first, each to the shift with the lowest peak; twice over all, so that an early choice can be
mended. Peaks are compared as shares of their pool's slots. What a shift takes out of the window is looked at as well
(PADDING on both sides): it must not be moved onto others there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.schedule.load import Job, Minutes, peaks, profile
from ops.schedule.windows import MOST_MINUTES, Window

STEP_MINUTES = 5
PADDING = MOST_MINUTES
_ROUNDS = 2
_WORTH = 0.01  # a move that saves less than a hundredth of a pool is no move


@dataclass(frozen=True)
class Smoothed:
    """`shifts`: minutes per DAG, without those that stay. Peaks in slots per pool."""

    shifts: dict[str, int]
    before: dict[str, float]
    after: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        rounded = {name: {p: round(v, 2) for p, v in getattr(self, name).items()} for name in ("before", "after")}
        return {"shifts": self.shifts, "peak_slots_before": rounded["before"], "peak_slots_after": rounded["after"]}


def smooth(jobs: Sequence[Job], length: int, windows: Mapping[str, Window], slots: Mapping[str, int]) -> Smoothed:
    """`jobs` start from PADDING and their own length before the window to PADDING after it."""
    shifts: dict[str, int] = {}
    padded = length + 2 * PADDING
    movable = sorted((one for one in jobs if one.dag_id in windows), key=_weight, reverse=True)
    for _ in range(_ROUNDS):
        for one in movable:
            others = profile([other for other in jobs if other is not one], padded, shifts, first=-PADDING)
            shifts[one.dag_id] = _best(one, others, padded, windows[one.dag_id], slots, shifts.get(one.dag_id, 0))
    moved = {dag_id: minutes for dag_id, minutes in shifts.items() if minutes}
    return Smoothed(moved, peaks(profile(jobs, length)), peaks(profile(jobs, length, moved)))


def _weight(one: Job) -> float:
    return sum(one.slots.values()) * one.minutes * len(one.starts)


def _best(one: Job, others: dict[str, Minutes], length: int, window: Window, slots: Mapping[str, int], now: int) -> int:
    choices = [minutes for minutes in range(-window.earlier, window.later + 1) if minutes % STEP_MINUTES == 0]
    costs = {minutes: _cost(one, others, length, minutes, slots) for minutes in {*choices, 0, now}}
    lowest = min(peak for peak, _ in costs.values())
    good = {minutes: even for minutes, (peak, even) in costs.items() if peak <= lowest + _WORTH}
    if costs[0][0] <= lowest + _WORTH:  # staying is as good
        return 0
    return min(good, key=lambda minutes: (good[minutes], abs(minutes), minutes))


def _cost(
    one: Job, others: dict[str, Minutes], length: int, shift: int, slots: Mapping[str, int]
) -> tuple[float, float]:
    """(highest share of a pool while this DAG runs, evenness): the rest of the window does not change."""
    highest = even = 0.0
    for pool, wanted in one.slots.items():
        minutes, size = others.get(pool), max(1, slots.get(pool, 1))
        for start in one.starts:
            begin = start + shift + PADDING
            for minute in range(max(0, begin), min(length, begin + one.minutes)):
                share = (wanted + (minutes[minute] if minutes else 0.0)) / size
                highest, even = max(highest, share), even + share * share
    return highest, even


def moved_cron(cron: str, shift: int) -> str | None:
    """The same cron expression so many minutes later; None where that takes more than its minute and hour fields."""
    fields = cron.split()
    if len(fields) != 5 or not fields[0].isdigit():
        return None
    total = int(fields[0]) + shift
    if 0 <= total < 60:
        return " ".join([str(total), *fields[1:]])
    if fields[1] == "*" and fields[2:] == ["*", "*", "*"]:  # else the last hour of its day would become the first
        return " ".join([str(total % 60), *fields[1:]])
    if not fields[1].isdigit():
        return None
    hours, minute = divmod(int(fields[1]) * 60 + total, 60)
    if not 0 <= hours < 24 and fields[2:] != ["*", "*", "*"]:
        return None
    return " ".join([str(minute), str(hours % 24), *fields[2:]])

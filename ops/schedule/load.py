"""The load that schedules make: slots wanted per pool, minute by minute. Pure.

One run, with the children of its fan-outs, is spread evenly over its measured median: slot-seconds of a pool divided
by seconds. A DAG that has never run is not in here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor

from ops.runs.measured import Measured

Minutes = list[float]


@dataclass(frozen=True)
class Job:
    """One scheduled DAG: minutes from the beginning of the window at which runs start, how long, which slots."""

    dag_id: str
    starts: tuple[int, ...]
    minutes: int
    slots: dict[str, float]  # pool → slots wanted on average while it runs


def job(dag_id: str, next_runs: Sequence[datetime], begin: datetime, taken: Measured, always: int = 0) -> Job:
    """`next_runs` from a day before `begin` on: what runs into the window counts. `always`: minutes that a DAG which
    starts again as soon as it has ended fills.
    """
    minutes = max(1, ceil(taken.seconds / 60))
    starts = tuple(floor((moment - begin) / timedelta(minutes=1)) for moment in next_runs)
    if always and starts:
        starts = tuple(range(starts[0], always, minutes))
    slots = {pool: seconds / (minutes * 60) for pool, seconds in taken.pool_seconds.items()}
    return Job(dag_id, starts, minutes, slots)


def profile(
    jobs: Sequence[Job], length: int, shifts: Mapping[str, int] | None = None, first: int = 0
) -> dict[str, Minutes]:
    """Pool → slots wanted in each minute from `first` on. A shift (minutes) moves all runs of a DAG."""
    found: dict[str, Minutes] = defaultdict(lambda: [0.0] * length)
    for one in jobs:
        moved = (shifts or {}).get(one.dag_id, 0)
        for pool, slots in one.slots.items():
            minutes = found[pool]
            for start in one.starts:
                begin, end = start + moved - first, start + moved - first + one.minutes
                for minute in range(max(0, begin), min(length, end)):
                    minutes[minute] += slots
    return dict(found)


def peaks(found: Mapping[str, Minutes]) -> dict[str, float]:
    """Most slots wanted in one minute, per pool."""
    return {pool: max(minutes, default=0.0) for pool, minutes in found.items()}


def hourly(jobs: Sequence[Job], length: int, pool: str) -> dict[str, Minutes]:
    """DAG → slots of the pool wanted on average in each hour; for the picture."""
    found = {}
    for one in jobs:
        minutes = profile([one], length).get(pool)
        if minutes and any(minutes):
            found[one.dag_id] = [sum(minutes[hour : hour + 60]) / 60 for hour in range(0, length, 60)]
    return found

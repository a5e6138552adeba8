"""The error of an array fan-out: how many, why by class, and where their logs are. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from lanes.attempts.console import log_link
from lanes.batch.launch import BatchLaunch
from lanes.fan_outs.array_jobs.rows import Row, state_of
from lanes.fan_outs.state import Tolerance, describe

SHOWN = 3


def describe_failed(launch: BatchLaunch, rows: Iterable[Row], tolerance: Tolerance) -> str:
    """The first line counts; each class names its batches, and for some of them the reason and the log."""
    by_index = {row.index: row for row in rows}
    state = state_of(by_index.values())

    def named(index: int) -> str:
        row = by_index[index]
        log = f", log: {log_link(launch, row.log_stream)}" if row.log_stream else ""
        return f"batch {index}: {row.reason}{log}"

    return describe(launch.lane, state, tolerance, named, what="batches", named=SHOWN)

"""What an array came to, in figures for the metrics. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lanes.fan_outs.array_jobs.document import Array
from lanes.fan_outs.array_jobs.rows import ENDED, Row


def run_facts(array: Array, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The batches whose last container was of this array, by how they ended; those that run again are not over."""
    ended: dict[str, list[Row]] = {}
    for row in rows:
        if row.array == array.number and row.state in ENDED:
            ended.setdefault(row.kind or "success", []).append(row)
    return [
        {
            "outcome": outcome,
            "runs": len(alike),
            "launches": sum(row.tries for row in alike),
            "all_seconds": round(sum(row.seconds for row in alike), 3),
            **cost_of(alike),
            "size": array.size,
            "capacity": "spot" if array.spot else "on_demand",
            "arn": array.job_id,
        }
        for outcome, alike in ended.items()
    ]


def cost_of(rows: list[Row]) -> dict[str, float]:
    """Nothing where one of them has no known price."""
    known = [row.cost_usd for row in rows if row.cost_usd is not None]
    return {"cost_usd": round(sum(known), 6)} if len(known) == len(rows) else {}

"""Dates that a hold keeps from being made: the scheduler stops making runs at `max_active_runs` that wait or run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ops.airflow_state.rest import AirflowRest
from ops.runs.backfill import dates_without_run, has_schedule
from ops.runs.hold import Hold
from ops.runs.lookup import time_zone


def unmade(rest: AirflowRest, details: dict[str, Any], hold: Hold) -> tuple[datetime, ...]:
    """Dates of the schedule since the hold was set that have no run and, without catch-up, get none by themselves."""
    if details["catchup"] or not has_schedule(details) or not hold.at:
        return ()
    since, now = max(datetime.fromisoformat(hold.first), datetime.fromisoformat(hold.at)), datetime.now(UTC)
    if since >= now:
        return ()
    zone = time_zone(details)
    return tuple(date.astimezone(zone) for date in dates_without_run(rest, details["dag_id"], since, now))


def warning(details: dict[str, Any]) -> str:
    """What a hold of this DAG does not do, in words; "" for a DAG without a schedule."""
    if not has_schedule(details):
        return ""
    most = details["max_active_runs"]
    then = (
        "makes the rest afterwards" if details["catchup"] else "makes no later ones (catchup=False): unhold names them"
    )
    return f"with {most} run{'s' if most > 1 else ''} waiting (max_active_runs) the scheduler {then}"

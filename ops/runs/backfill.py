"""A range of past dates, planned first: which runs, how long, which pools, at what cost.

Airflow has backfills of its own (Airflow 3, REST `/backfills`) for DAGs with a schedule. A DAG without one gets one run
per day, by logical date. Both ends of the range are included: Airflow's own command stops before the runs of the last
day, because it reads a day as its first moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.runs.dates import days
from ops.runs.hold import Hold, holds
from ops.runs.lookup import dag_details, dag_path, time_zone
from ops.runs.measured import Measured, measured
from ops.runs.start import runs_at, start_run

RERUN = {"": "none", "failed": "failed", "all": "completed"}
_WITHOUT_DATES = ("Asset", "Partitioned Asset", "@continuous", "@once")  # Airflow's timetable summaries
_LONG_DAYS = 100
_LARGEST = 1000  # runs; more than that is a mistake in a date far more often than a wish


@dataclass(frozen=True)
class Request:
    """What a person asked for; `first` and `last` as written, both included."""

    dag_id: str
    first: str
    last: str
    max_active: int
    rerun: str = ""
    conf: dict[str, Any] | None = None


@dataclass(frozen=True)
class Plan:
    """`dates`: the logical dates that will run. Seconds and USD are None while nothing was measured."""

    request: Request
    start: datetime
    end: datetime
    scheduled: bool
    dates: tuple[datetime, ...]
    measured: Measured | None
    held: tuple[datetime, ...]
    paused: bool
    pool_slots: dict[str, int]  # of the environment

    @property
    def seconds(self) -> float | None:
        """At `max_active` runs at a time; longer where a pool has fewer free slots than they want."""
        if self.measured is None:
            return None
        rounds = ceil(len(self.dates) / self.request.max_active) * self.measured.seconds
        return max([rounds, *(needed for needed in self.pool_bound.values())]) if self.dates else 0.0

    @property
    def pool_bound(self) -> dict[str, float]:
        """Seconds that each pool needs for all runs, all of its slots being theirs."""
        taken = self.measured.pool_seconds if self.measured else {}
        return {p: s * len(self.dates) / self.pool_slots[p] for p, s in taken.items() if self.pool_slots.get(p, 0) > 0}

    @property
    def pool_use(self) -> dict[str, int]:
        """Slots wanted at once per pool, at most."""
        most = self.measured.pool_slots if self.measured else {}
        return {pool: slots * min(self.request.max_active, len(self.dates)) for pool, slots in most.items()}

    @property
    def cost_usd(self) -> float | None:
        one = None if self.measured is None else self.measured.cost_usd
        return None if one is None else one * len(self.dates)

    def as_dict(self) -> dict[str, Any]:
        return {
            "dag_id": self.request.dag_id,
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "runs": len(self.dates),
            "logical_dates": [date.isoformat() for date in self.dates],
            "held": [date.isoformat() for date in self.held],
            "paused": self.paused,
            "max_active": self.request.max_active,
            "rerun": self.request.rerun or "none",
            "hours": None if self.seconds is None else round(self.seconds / 3600, 2),
            "pool_use": {p: {"wanted": n, "slots": self.pool_slots.get(p)} for p, n in self.pool_use.items()},
            "cost_usd": None if self.cost_usd is None else round(self.cost_usd, 4),
            "measured": None if self.measured is None else asdict(self.measured),
        }


def plan_backfill(rest: AirflowRest, request: Request) -> Plan:
    """Nothing is started. UserError for a reversed range, a range in the future, an unknown DAG or `--rerun`."""
    if request.rerun not in RERUN:
        raise UserError(
            f"--rerun {request.rerun!r}: allowed are failed and all; leave it out to run missing dates only"
        )
    if request.max_active < 1:
        raise UserError(f"--max-active {request.max_active}: at least 1")
    details = dag_details(rest, request.dag_id)
    tz = time_zone(details)
    start, end = days(request.first, request.last, tz)
    if start > datetime.now(UTC):
        raise UserError(f"--from {request.first} is in the future; a backfill runs past dates")
    if details["timetable_summary"] in _WITHOUT_DATES:
        by = details["timetable_summary"]
        raise UserError(f"{request.dag_id} runs by {by}: it has no dates to run; use `tasklane run`")
    scheduled = has_schedule(details)
    found = _scheduled(rest, request, start, end) if scheduled else _daily(rest, request, start, end)
    dates = tuple(date.astimezone(tz) for date in found)
    held = holds(rest).get(request.dag_id)
    return Plan(
        request, start, end, scheduled, dates, measured(rest, request.dag_id), _held(dates, held), details["is_paused"],
        {pool["name"]: pool["slots"] for pool in rest.all("/pools", "pools")},
    )  # fmt: skip


def has_schedule(details: dict[str, Any]) -> bool:
    """Whether its runs have dates of a timetable."""
    return details["timetable_summary"] not in (None, "None", *_WITHOUT_DATES)


def dates_without_run(rest: AirflowRest, dag_id: str, start: datetime, end: datetime) -> tuple[datetime, ...]:
    """Dates of the schedule, both ends included, that have none."""
    return _scheduled(rest, Request(dag_id, start.isoformat(), end.isoformat(), 1), start, end)


def start_backfill(rest: AirflowRest, plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """Hand it to Airflow. UserError when another backfill of the DAG is under way (Airflow allows one)."""
    if plan.scheduled:
        return {"backfill_id": _create(rest, plan)["id"], "runs": len(plan.dates)}
    started: list[str] = []
    for date in plan.dates:
        while _active(rest, plan.request.dag_id, started) >= plan.request.max_active:
            time.sleep(3)
        try:
            started.append(start_run(rest, plan.request.dag_id, date, plan.request.conf or {})["dag_run_id"])
        except UserError as error:
            if not runs_at(rest, plan.request.dag_id, date):
                raise UserError(
                    f"{error}\n{len(started)} of {len(plan.dates)} runs are started; the same command starts the rest"
                ) from error
            say(f"{date:%Y-%m-%d}: has a run by now, that somebody else started")
            continue
        say(f"{date:%Y-%m-%d}: {started[-1]}")
    return {"backfill_id": None, "runs": len(started), "run_ids": started}


def _scheduled(rest: AirflowRest, request: Request, start: datetime, end: datetime) -> tuple[datetime, ...]:
    try:
        found = rest.call("POST", "/backfills/dry_run", body=_body(request, start, end))["backfills"]
    except UserError as error:
        if (end - start).days < _LONG_DAYS:
            raise
        raise UserError(
            f"{error}\n{request.first} to {request.last} may be too long to plan: MWAA gives up after 10 s; split it"
        ) from None
    _not_too_many(request, len(found))
    return tuple(datetime.fromisoformat(one["logical_date"]) for one in found)


def _daily(rest: AirflowRest, request: Request, start: datetime, end: datetime) -> tuple[datetime, ...]:
    if request.rerun:
        raise UserError(f"{request.dag_id} has no schedule: its runs are started by date; use `tasklane rerun` on each")
    last = min(end, datetime.now(UTC))
    count = (last - start).days + 2  # one more than there can be: a day of 23 hours
    dates = [date for number in range(count) if (date := start + timedelta(days=number)) <= last]
    _not_too_many(request, len(dates))
    return tuple(date for date in dates if not runs_at(rest, request.dag_id, date))


def _not_too_many(request: Request, count: int) -> None:
    if count > _LARGEST:
        raise UserError(f"{request.first} to {request.last} is {count} runs, more than {_LARGEST}; split the range")


def _body(request: Request, start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "dag_id": request.dag_id,
        "from_date": start.isoformat(),
        "to_date": end.isoformat(),
        "max_active_runs": request.max_active,
        "reprocess_behavior": RERUN[request.rerun],
        "dag_run_conf": request.conf or {},
    }


def _create(rest: AirflowRest, plan: Plan) -> dict[str, Any]:
    """MWAA gives up on a call after 10 s, Airflow does not: a backfill that is there after an error is ours."""
    dag_id = plan.request.dag_id
    before = {one["id"] for one in _backfills(rest, dag_id)}
    if running := [one for one in _backfills(rest, dag_id) if one["completed_at"] is None]:
        raise UserError(
            f"backfill {running[0]['id']} of {dag_id} is under way; Airflow allows one per DAG: wait for it"
        )
    try:
        return rest.call("POST", "/backfills", body=_body(plan.request, plan.start, plan.end))
    except UserError:
        made = [one for one in _backfills(rest, dag_id) if one["id"] not in before]
        if not made:
            raise
        return made[0]


def _backfills(rest: AirflowRest, dag_id: str) -> list[dict[str, Any]]:
    query = {"dag_id": dag_id, "order_by": "-id", "limit": 20}
    return list(rest.call("GET", "/backfills", query=query)["backfills"])


def _active(rest: AirflowRest, dag_id: str, run_ids: list[str]) -> int:
    query = {"state": ["running", "queued"]}
    active = rest.all(f"{dag_path(dag_id)}/dagRuns", "dag_runs", query=query)
    return sum(run["dag_run_id"] in run_ids for run in active)


def _held(dates: tuple[datetime, ...], hold: Hold | None) -> tuple[datetime, ...]:
    return tuple(date for date in dates if hold is not None and hold.holds(date))

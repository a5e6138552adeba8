"""What is wrong with a schedule. Airflow looks only at one that is switched on: production would see it first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from platform_spec.errors import Problem

# Airflow's names for crons and for what is none (airflow.timetables).
PRESETS = ("@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
ALLOWED = "a cron, timedelta, timetable, asset, list of assets, or None"


def schedule_problems(file: str, schedule: Any) -> Iterator[Problem]:
    """Problems of lanes.dag's `schedule`."""

    def problem(what: str, allowed: str = ALLOWED, fix: str = 'for example "0 3 * * *"') -> Problem:
        return Problem(file, "schedule", schedule if isinstance(schedule, str) else str(schedule), what, allowed, fix)

    if schedule is None or (isinstance(schedule, str) and schedule in PRESETS):
        return
    if isinstance(schedule, str):
        yield from _cron_problems(file, schedule)
    elif isinstance(schedule, dt.timedelta):
        if schedule <= dt.timedelta():
            yield problem("no time between two runs", "a timedelta above 0", "for example dt.timedelta(hours=1)")
    elif isinstance(schedule, list | tuple | set | frozenset):
        if not schedule or not all(_is_asset(one) for one in schedule):
            yield problem("not a list of assets", "one asset or more", 'for example [Asset("orders")]')
    elif not (_is_asset(schedule) or _is_timetable(schedule)):
        yield problem("no schedule")


def _cron_problems(file: str, cron: str) -> Iterator[Problem]:
    from croniter import CroniterBadDateError, croniter  # Airflow's

    allowed, fix = f"minute hour day month weekday, or {', '.join(PRESETS)}", 'for example "0 3 * * *"'
    if len(cron.split()) != 5 or not croniter.is_valid(cron):
        yield Problem(file, "schedule", cron, "not a cron expression", allowed, fix)
        return
    try:
        croniter(cron, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)).get_next()
    except CroniterBadDateError:
        yield Problem(file, "schedule", cron, "no such day: it would never run", allowed, fix)


def _is_asset(value: Any) -> bool:
    from airflow.sdk.definitions.asset import BaseAsset

    return isinstance(value, BaseAsset)


def _is_timetable(value: Any) -> bool:
    from airflow.timetables.base import Timetable

    if isinstance(value, Timetable):
        return True
    try:  # Airflow 3.2: those that DAG files import are the SDK's
        from airflow.sdk.bases.timetable import BaseTimetable
    except ImportError:
        return False
    return isinstance(value, BaseTimetable)

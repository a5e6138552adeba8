"""What is wrong with the arguments of lanes.dag, beyond what mypy sees. Pure but for Airflow's own cron parser."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from platform_spec.errors import Problem, closest

# What lanes.dag sets itself, from its own arguments.
RESERVED = ("owner", "pool", "weight_rule", "priority_weight", "retries", "retry_delay", "execution_timeout")
_INSTEAD = {"weight_rule": "leave it out", "priority_weight": "say priority=…"}
# Airflow's names for crons and for what is none (airflow.timetables).
PRESETS = ("@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")


def argument_problems(
    file: str, schedule: Any, start_date: Any, catchup: Any, options: Mapping[str, Any], known: Collection[str]
) -> Iterator[Problem]:
    """The schedule is checked where it is switched off too: else production would be the first to see it."""
    for name in sorted(set(options) - set(known)):
        meant = closest(name, list(known))
        fix = f"did you mean {meant}?" if meant else "remove it"
        yield Problem(file, name, options[name], "no argument of lanes.dag", ", ".join(sorted(known)), fix)
    yield from _schedule_problems(file, schedule)
    yield from _start_problems(file, start_date)
    if not isinstance(catchup, bool):
        yield Problem(file, "catchup", catchup, "not a yes or no", "True or False", "set catchup=False")
    if catchup and not options.get("max_active_runs"):
        what = "the first deployment would start every interval since start_date, 16 at a time"
        fix = "set catchup=False and backfill on purpose, or say how many with max_active_runs"
        yield Problem(file, "catchup", catchup, what, "False, or True with max_active_runs", fix)
    for name in sorted(set(options.get("default_args", {})) & set(RESERVED)):
        fix = _INSTEAD.get(name, f"say {name}=… to lanes.dag")
        yield Problem(file, f"default_args.{name}", None, "lanes.dag sets it", "other arguments of tasks", fix)
    timeout = options.get("execution_timeout")
    if timeout is not None and not (isinstance(timeout, dt.timedelta) and timeout > dt.timedelta()):
        allowed = "a timedelta above 0"
        yield Problem(file, "execution_timeout", timeout, "no time", allowed, "for example dt.timedelta(minutes=10)")


def _schedule_problems(file: str, schedule: Any) -> Iterator[Problem]:
    if not isinstance(schedule, str) or schedule in PRESETS:
        return
    from croniter import croniter  # Airflow's

    if len(schedule.split()) != 5 or not croniter.is_valid(schedule):
        what, allowed = "not a cron expression", f"minute hour day month weekday, or {', '.join(PRESETS)}"
        yield Problem(file, "schedule", schedule, what, allowed, 'for example "0 3 * * *"')


def _start_problems(file: str, start: Any) -> Iterator[Problem]:
    allowed, example = "a fixed date, or a datetime with a time zone", "for example dt.date(2026, 1, 1)"
    if not isinstance(start, dt.date):
        yield Problem(file, "start_date", str(start), "not a date", allowed, example)
    elif isinstance(start, dt.datetime) and start.tzinfo is None:
        yield Problem(file, "start_date", start, "has no time zone", allowed, "add tzinfo=dt.UTC")
    elif isinstance(start, dt.datetime) and (start.second or start.microsecond):
        yield Problem(file, "start_date", start, "looks like a clock: it would move with each import", allowed, example)

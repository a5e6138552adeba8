"""What is wrong with the arguments of lanes.dag, beyond what mypy sees. Pure but for Airflow's own parts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lanes.dag_schedule import schedule_problems
from platform_spec.dag_rules import OWN_TAGS
from platform_spec.errors import Problem, closest

# What lanes.dag sets itself, from its own arguments.
RESERVED = ("owner", "pool", "weight_rule", "priority_weight", "retries", "retry_delay", "execution_timeout")
_INSTEAD = {"weight_rule": "leave it out", "priority_weight": "say priority=…"}
_TABLES = ("default_args", "params", "user_defined_macros", "user_defined_filters")
_TIMES = ("execution_timeout", "retry_delay", "dagrun_timeout")
_COUNTS = {"max_active_runs": 1, "max_active_tasks": 1, "max_consecutive_failed_dag_runs": 0, "retries": 0}


def argument_problems(
    file: str, schedule: Any, start_date: Any, catchup: Any, options: Mapping[str, Any], known: Collection[str]
) -> Iterator[Problem]:
    """The schedule is checked where it is switched off too: else production would be the first to see it."""
    for name in sorted(set(options) - set(known)):
        meant = closest(name, list(known))
        fix = f"did you mean {meant}?" if meant else "remove it"
        yield Problem(file, name, options[name], "no argument of lanes.dag", ", ".join(sorted(known)), fix)
    yield from schedule_problems(file, schedule)
    yield from _moment_problems(file, "start_date", start_date)
    yield from _end_problems(file, start_date, options.get("end_date"))
    if not isinstance(catchup, bool):
        yield Problem(file, "catchup", catchup, "not a yes or no", "True or False", "set catchup=False")
    if catchup and not options.get("max_active_runs"):
        what = "the first deployment would start every interval since start_date, 16 at a time"
        fix = "set catchup=False and backfill on purpose, or say how many with max_active_runs"
        yield Problem(file, "catchup", catchup, what, "False, or True with max_active_runs", fix)
    for name in (name for name in _TABLES if name in options and not isinstance(options[name], Mapping)):
        yield Problem(file, name, options[name], "not a table", "a dictionary", f"write {name}={{…}}")
    given = options.get("default_args")
    for name in sorted(set(given) & set(RESERVED)) if isinstance(given, Mapping) else ():
        fix = _INSTEAD.get(name, f"say {name}=… to lanes.dag")
        yield Problem(file, f"default_args.{name}", None, "lanes.dag sets it", "other arguments of tasks", fix)
    yield from _number_problems(file, options)
    yield from _tag_problems(file, options.get("tags", ()))


def _number_problems(file: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    for name in (name for name in _TIMES if name in options):
        value, at_once = options[name], name == "retry_delay"  # only a retry may follow at once
        shortest = dt.timedelta() if at_once else dt.timedelta(microseconds=1)
        if not (isinstance(value, dt.timedelta) and value >= shortest):
            allowed = "a timedelta" if at_once else "a timedelta above 0"
            yield Problem(file, name, value, "no time", allowed, "for example dt.timedelta(minutes=10)")
    for name, least in _COUNTS.items():
        value = options.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            allowed = f"a whole number from {least}"
            yield Problem(file, name, value, "no such number", allowed, f"for example {name}={least}")
    priority = options.get("priority", 1)
    if isinstance(priority, bool) or not isinstance(priority, int):  # its range is looked at task by task
        yield Problem(file, "priority", priority, "no number", "a whole number in the team's range", "set priority=5")


def _tag_problems(file: str, tags: Any) -> Iterator[Problem]:
    allowed = "a list of short texts"
    if isinstance(tags, str) or not isinstance(tags, Collection) or not all(isinstance(tag, str) for tag in tags):
        yield Problem(file, "tags", tags, "not a list of texts", allowed, 'for example tags=["nightly"]')
        return
    for tag in sorted(tag for tag in tags if tag.startswith(OWN_TAGS)):
        yield Problem(file, "tags", tag, "lanes.dag sets it, and costs are told by it", allowed, "remove it")


def _moment_problems(file: str, key: str, moment: Any) -> Iterator[Problem]:
    allowed, example = "a fixed date, or a datetime with a time zone", f"for example {key}=dt.date(2026, 1, 1)"
    if not isinstance(moment, dt.date):
        yield Problem(file, key, str(moment), "not a date", allowed, example)
    elif isinstance(moment, dt.datetime) and moment.tzinfo is None:
        yield Problem(file, key, moment, "has no time zone", allowed, "add tzinfo=dt.UTC")
    elif isinstance(moment, dt.datetime) and (moment.second or moment.microsecond):
        yield Problem(file, key, moment, "looks like a clock: it would move with each import", allowed, example)


def _end_problems(file: str, start: Any, end: Any) -> Iterator[Problem]:
    if end is None:
        return
    if not isinstance(end, dt.datetime) or end.tzinfo is None:
        allowed, fix = "a datetime with a time zone", "for example dt.datetime(2027, 1, 1, tzinfo=dt.UTC)"
        yield Problem(file, "end_date", str(end), "not a moment", allowed, fix)
    elif isinstance(start, dt.date) and end.date() < (start.date() if isinstance(start, dt.datetime) else start):
        yield Problem(file, "end_date", str(end), "before start_date: it never runs", "a later one", "set it later")

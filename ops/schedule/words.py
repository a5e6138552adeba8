"""A schedule in sentences: when it runs, and what its first run will be. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from ops.schedule.timetables import Schedule


def when(schedule: Schedule) -> str:
    """The rule in words, with its time zone."""
    if schedule.schedule is None:
        if schedule.switched_off:
            return "by hand: its schedule is switched off in the environment file"
        return "by hand, or started by another DAG"
    said = schedule.description.rstrip(".")
    return f"{said} ({schedule.schedule}), {schedule.timezone}" if said else _every(schedule)


def times(schedule: Schedule, now: datetime, count: int = 3) -> list[str]:
    """The next runs from `now` on."""
    return [f"{moment:%a %d %b %H:%M} UTC" for moment in schedule.next if moment >= now][:count]


def _every(schedule: Schedule) -> str:
    """A duration, as Airflow prints it: [days, ]hours:minutes:seconds."""
    # Airflow goes on from the last run; where nothing is made up, the first one may have been at any time.
    counted = "the start date" if schedule.catchup else "its last run (the times here: from the start date)"
    if len(schedule.next) < 2 or schedule.schedule is None or not schedule.schedule[0].isdigit():
        return f"every {schedule.schedule}, counted from {counted}"
    minutes = (schedule.next[1] - schedule.next[0]).total_seconds() / 60
    every = f"{minutes:g} minutes" if minutes < 120 else f"{minutes / 60:g} hours"
    return f"every {every}, counted from {counted}"


def first_run(schedule: Schedule, now: datetime) -> str:
    """What the scheduler does when it sees the DAG for the first time, unpaused, at `now`."""
    first = schedule.first
    if schedule.schedule is None:
        return "None by itself."
    if first is None:
        return f"None: its end date {_at(schedule.end_date, now)} lies before its first interval."
    said = f"Logical date {_at(first.logical_date, now)}"
    if first.interval_start != first.interval_end:
        said += f", for the data from {_at(first.interval_start, now)} to {_at(first.interval_end, now)}"
    else:
        said += " (the moment it starts: this timetable has no data interval)"
    if first.run_after > now:
        return f"{said}; it starts at {_at(first.run_after, now)}."
    start = _at(schedule.start_date, now)
    if schedule.catchup:
        rest = f"every interval since the start date {start} that has no run, {schedule.max_active_runs} at a time"
        return f"{said}; it starts at once, and then {rest} (catchup is on)."
    return (
        f"{said}; it starts at once, as the newest past one; nothing older since {start} is made up (catchup is off)."
    )


def _at(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "none"
    moment = moment.astimezone(UTC)
    return f"{moment:%H:%M} UTC today" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M} UTC"

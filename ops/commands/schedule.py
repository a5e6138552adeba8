"""`tasklane schedule`: when DAGs run, the load they make, and how to level it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.airflow_state.rest import AirflowRest
from ops.options import Env, Json, say, show_json, show_table
from ops.runs.measured import Measured, measured
from ops.schedule.load import Job, job, peaks, profile
from ops.schedule.picture import page
from ops.schedule.smooth import Smoothed, moved_cron, smooth
from ops.schedule.timetables import Schedule, schedules
from ops.schedule.windows import windows
from ops.schedule.words import first_run, times, when
from ops.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="Schedules: show them and their load, level the load.")

Hours = Annotated[int, typer.Option(min=1, max=24 * 31, help="How far to look ahead.")]
Offline = Annotated[bool, typer.Option("--offline", help="Do not ask Airflow for measured durations: no load.")]


@app.command("show")
def schedule_show(
    env: Env,
    html: Annotated[Path | None, typer.Option(help="Write the picture to this file.")] = None,
    hours: Hours = 168,
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Show for each DAG its next runs and what its first run will be; with --html, the load per hour and pool."""
    workspace, now = Workspace(env), datetime.now(UTC)
    begin = _hour(now)
    found = schedules(workspace, begin, hours)
    jobs = [] if offline else _jobs(workspace, found, begin)
    slots = dict(workspace.environment.pool_slots)
    if html is not None:
        html.write_text(page(env, found, jobs, slots, now, hours))
        say(f"written: {html}")
    if as_json:
        load = peaks(profile(jobs, hours * 60))
        show_json({"dags": [_document(one, now) for one in found], "pools": _pools(load, slots), "hours": hours})
        return
    for one in found:
        say(f"{one.dag_id}: {when(one)}")
        if one.schedule is not None:
            say(f"    next: {', '.join(times(one, now)) or 'none'}")
        say(f"    first run, if it were new now: {first_run(one, now)}")
    if not offline:
        _say_unmeasured(found, jobs)
        _show_pools(peaks(profile(jobs, hours * 60)), slots)


@app.command("smooth")
def schedule_smooth(env: Env, hours: Hours = 168, as_json: Json = False) -> None:
    """Propose shifts within the windows of dags/schedules.toml, with the peaks before and after; changes nothing."""
    workspace, begin = Workspace(env), _hour(datetime.now(UTC))
    found = schedules(workspace, begin, hours)
    allowed = windows(workspace.root, {one.dag_id for one in found})
    jobs, slots = _jobs(workspace, found, begin), dict(workspace.environment.pool_slots)
    result = smooth(jobs, hours * 60, allowed, slots)
    proposals = [_proposal(one, result.shifts[one.dag_id]) for one in found if one.dag_id in result.shifts]
    if as_json:
        show_json({**result.as_dict(), "proposals": proposals, "windows": {k: v._asdict() for k, v in allowed.items()}})
        return
    _say_unmeasured(found, jobs)
    rows = [(p["dag_id"], f"{p['shift_minutes']:+d} min", p["schedule"], p["proposed"]) for p in proposals]
    nothing = (
        "no shift lowers a peak" if allowed else "nothing may be moved: no owner has a window in dags/schedules.toml"
    )
    show_table(("DAG", "shift", "schedule now", "proposed"), rows, empty=nothing)
    _show_peaks(result, slots)


def _jobs(workspace: Workspace, found: list[Schedule], begin: datetime) -> list[Job]:
    rest = AirflowRest(workspace)
    known = {dag["dag_id"] for dag in rest.all("/dags", "dags")}
    scheduled = [one for one in found if one.next and one.dag_id in known]
    taken: dict[str, Measured | None] = {one.dag_id: measured(rest, one.dag_id) for one in scheduled}
    return [job(one.dag_id, one.next, begin, m) for one in scheduled if (m := taken[one.dag_id]) is not None]


def _say_unmeasured(found: list[Schedule], jobs: list[Job]) -> None:
    measured_ids = {one.dag_id for one in jobs}
    if missing := [one.dag_id for one in found if one.next and one.dag_id not in measured_ids]:
        say(f"not in the load, because no run has succeeded yet: {', '.join(missing)}")


def _proposal(one: Schedule, shift: int) -> dict[str, Any]:
    cron = moved_cron(one.schedule or "", shift)
    proposed = cron or f"start {shift:+d} minutes from now's times (start_date, or another timetable)"
    return {"dag_id": one.dag_id, "shift_minutes": shift, "schedule": one.schedule, "proposed": proposed}


def _document(one: Schedule, now: datetime) -> dict[str, Any]:
    return {
        "dag_id": one.dag_id,
        "schedule": one.schedule,
        "timezone": one.timezone,
        "catchup": one.catchup,
        "start_date": one.start_date,
        "when": when(one),
        "next": [moment.isoformat() for moment in one.next if moment >= now][:10],
        "first_run": first_run(one, now),
    }


def _pools(load: dict[str, float], slots: dict[str, int]) -> dict[str, Any]:
    return {pool: {"peak_slots": round(load.get(pool, 0.0), 2), "slots": count} for pool, count in slots.items()}


def _show_pools(load: dict[str, float], slots: dict[str, int]) -> None:
    rows = [(pool, f"{load.get(pool, 0.0):.2f}", count) for pool, count in slots.items()]
    show_table(("pool", "most slots wanted", "slots"), rows, empty="no pool")


def _show_peaks(result: Smoothed, slots: dict[str, int]) -> None:
    rows = [
        (pool, f"{peak:.2f}", f"{result.after[pool]:.2f}", slots.get(pool, "")) for pool, peak in result.before.items()
    ]
    show_table(("pool", "peak before", "peak after", "slots"), rows, empty="no load measured")


def _hour(now: datetime) -> datetime:
    """Its beginning: bars of the picture are whole hours."""
    return now.replace(minute=0, second=0, microsecond=0)

"""`tasklane schedule`: when DAGs run, the load they make, and how to level it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.options import Env, Json, say, show_json, show_table
from ops.runs.measured import Measured, measured
from ops.schedule.load import Job, job, peaks, profile
from ops.schedule.picture import page
from ops.schedule.smooth import PADDING, Smoothed, moved_cron, smooth
from ops.schedule.timetables import Schedule, schedules
from ops.schedule.windows import windows
from ops.schedule.words import first_run, times, when
from ops.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="Schedules: show them and their load, level the load.")

LONGEST_RUN_HOURS = 24  # what has started earlier and still runs is not in the load
LONGEST_RUN = timedelta(hours=LONGEST_RUN_HOURS)

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
    around = _around(workspace, begin, hours)
    found = _within(around, begin, hours)
    known = None if offline else _known(workspace)
    jobs = [] if known is None else _jobs(workspace, known, around, begin, hours)
    slots, load = dict(workspace.environment.pool_slots), profile(jobs, hours * 60)
    paused = sorted(dag_id for dag_id, is_paused in (known or {}).items() if is_paused)
    if html is not None:
        _write(html, page(env, found, jobs, slots, now, hours, asked=not offline))
        say(f"written: {html}")
    if as_json:
        unmeasured = [] if offline else [one.dag_id for one in _unmeasured(found, jobs)]
        show_json({"dags": [_document(one, now, paused) for one in found], "pools": _pools(peaks(load), slots),
                   "hours": hours, "unmeasured": unmeasured})  # fmt: skip
        return
    for one in found:
        say(f"{one.dag_id}: {when(one)}")
        if one.schedule is not None:
            say(f"    next: {', '.join(times(one, now)) or 'none'}")
        say(f"    first run, if it were new now: {first_run(one, now)}")
    if scheduled := [one.dag_id for one in found if one.dag_id in paused and one.next]:
        say(f"paused in Airflow, and run only when that ends: {', '.join(scheduled)}")
    if not offline:
        _say_unmeasured(found, jobs)
        _show_pools(peaks(load), slots)
        _say_over(load, slots, begin)


@app.command("smooth")
def schedule_smooth(env: Env, hours: Hours = 168, as_json: Json = False) -> None:
    """Propose shifts within the windows of dags/schedules.toml, with the peaks before and after; changes nothing."""
    workspace, begin = Workspace(env), _hour(datetime.now(UTC))
    around = _around(workspace, begin, hours)
    found = _within(around, begin, hours)
    allowed = windows(workspace.root, {one.dag_id for one in found})
    jobs = _jobs(workspace, _known(workspace), around, begin, hours)
    slots = dict(workspace.environment.pool_slots)
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


def _around(workspace: Workspace, begin: datetime, hours: int) -> list[Schedule]:
    """With the runs before the window that may last into it, and those that a shift may bring into it or take out."""
    padding = PADDING / 60
    return schedules(workspace, begin - LONGEST_RUN - timedelta(hours=padding), hours + LONGEST_RUN_HOURS + 2 * padding)


def _within(found: list[Schedule], begin: datetime, hours: int) -> list[Schedule]:
    until = begin + timedelta(hours=hours)
    return [replace(one, next=tuple(moment for moment in one.next if begin <= moment < until)) for one in found]


def _known(workspace: Workspace) -> dict[str, bool]:
    """DAGs that Airflow has → whether they are paused."""
    return {dag["dag_id"]: bool(dag["is_paused"]) for dag in AirflowRest(workspace).all("/dags", "dags")}


def _jobs(
    workspace: Workspace, known: dict[str, bool], around: list[Schedule], begin: datetime, hours: int
) -> list[Job]:
    rest = AirflowRest(workspace)
    scheduled = [one for one in around if one.next and one.dag_id in known]
    taken: dict[str, Measured | None] = {one.dag_id: measured(rest, one.dag_id) for one in scheduled}
    end = hours * 60 + PADDING
    return [
        job(one.dag_id, one.next, begin, m, end if one.is_continuous else 0)
        for one in scheduled
        if (m := taken[one.dag_id]) is not None
    ]


def _say_unmeasured(found: list[Schedule], jobs: list[Job]) -> None:
    if missing := [one.dag_id for one in _unmeasured(found, jobs)]:
        say(f"not in the load, because no run has succeeded yet: {', '.join(missing)}")


def _unmeasured(found: list[Schedule], jobs: list[Job]) -> list[Schedule]:
    return [one for one in found if one.next and one.dag_id not in {job.dag_id for job in jobs}]


def _say_over(load: dict[str, list[float]], slots: dict[str, int], begin: datetime) -> None:
    """Pools that are wanted beyond their slots, and when first."""
    for pool, minutes in load.items():
        over = [number for number, wanted in enumerate(minutes) if wanted > slots.get(pool, 0)]
        if over:
            first = begin + timedelta(minutes=over[0])
            say(f"pool {pool} is wanted beyond its slots for {len(over)} minutes, first {first:%a %d %b %H:%M} UTC: "
                "tasks wait there; `tasklane schedule smooth` shows what shifts would do")  # fmt: skip


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise UserError(
            f"--html {path} cannot be written: {error.strerror}; name a file in a folder that is there"
        ) from None


def _proposal(one: Schedule, shift: int) -> dict[str, Any]:
    cron = moved_cron(one.schedule or "", shift)
    proposed = cron or f"start {shift:+d} minutes from now's times (start_date, or another timetable)"
    return {"dag_id": one.dag_id, "shift_minutes": shift, "schedule": one.schedule, "proposed": proposed}


def _document(one: Schedule, now: datetime, paused: list[str]) -> dict[str, Any]:
    return {
        "dag_id": one.dag_id,
        "schedule": one.schedule,
        "timezone": one.timezone,
        "catchup": one.catchup,
        "paused": one.dag_id in paused,
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
        (pool, f"{peak:.2f}", f"{result.after.get(pool, 0.0):.2f}", slots.get(pool, ""))
        for pool, peak in result.before.items()
    ]
    show_table(("pool", "peak before", "peak after", "slots"), rows, empty="no load measured")


def _hour(now: datetime) -> datetime:
    """Its beginning: bars of the picture are whole hours."""
    return now.replace(minute=0, second=0, microsecond=0)

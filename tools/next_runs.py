"""Run by the Python of an Airflow environment: when would each DAG run? Its own timetables answer.

Arguments: the DAG folder, a moment (ISO 8601), hours to look ahead. Output: one JSON document. Imports nothing of this
repository. `first` is what the scheduler creates when it sees a DAG for the first time at that moment.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

MOST = 31 * 24 * 60  # runs of one DAG that are listed: one a minute for the longest window
# A run starts at the end of its data interval, which may have begun so long before. Most begin within hours: every look
# further back costs the runs in between.
LOOK_BACK = (timedelta(), timedelta(hours=2), timedelta(days=2), timedelta(days=32), timedelta(days=400))


def main(folder: str, now: datetime, hours: float) -> None:
    out = os.dup(1)
    os.dup2(2, 1)  # what a DAG file prints must not end up in our document
    import pendulum  # timetables want its kind of datetime

    now = pendulum.instance(now)
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 3.0
        from airflow.models.dagbag import DagBag
    bag = DagBag(dag_folder=folder, include_examples=False)
    dags = [describe(dag, now, now + timedelta(hours=hours)) for _, dag in sorted(bag.dags.items())]
    with os.fdopen(out, "w") as document:
        json.dump({"dags": dags, "errors": {str(k): str(v) for k, v in bag.import_errors.items()}}, document)


def describe(dag: Any, now: datetime, until: datetime) -> dict[str, Any]:
    timetable = core(dag.timetable)
    first = next_run(timetable, None, dag.start_date, dag.end_date, dag.catchup)
    return {
        "dag_id": dag.dag_id,
        "file": os.path.basename(dag.fileloc),
        "schedule": None if timetable.summary in (None, "None") else timetable.summary,
        "description": timetable.description,
        "kind": type(timetable).__name__,
        "timezone": zone(timetable) or str(dag.timezone),
        "start_date": text(dag.start_date),
        "end_date": text(dag.end_date),
        "catchup": bool(dag.catchup),
        "max_active_runs": dag.max_active_runs,
        "owner": dag.owner,
        "pools": sorted({task.pool for task in dag.tasks}),
        "first": None if first is None else run(first),
        "next": [text(info.run_after) for info in ahead(timetable, dag.start_date, dag.end_date, now, until)],
    }


def core(timetable: Any) -> Any:
    """The scheduler's own timetable: from Airflow 3.1 a DAG file has one that only describes it."""
    try:
        from airflow.serialization.encoders import coerce_to_core_timetable
    except ImportError:
        return timetable
    return coerce_to_core_timetable(timetable)


def next_run(timetable: Any, last: Any, start: Any, end: Any, catchup: bool) -> Any:
    """A DagRunInfo; None: no run by schedule. Where catchup is off, the timetable reads the clock itself."""
    from airflow.timetables.base import TimeRestriction

    if not timetable.can_be_scheduled:
        return None
    return timetable.next_dagrun_info(
        last_automated_data_interval=last, restriction=TimeRestriction(earliest=start, latest=end, catchup=catchup)
    )


def zone(timetable: Any) -> str:
    """In which its cron expressions are read; empty where it has none. The DAG's own is that of its start date."""
    inner = getattr(timetable, "timetable", timetable)  # of "assets or time"
    inner = next(iter(getattr(inner, "_timetables", ())), inner)  # of several expressions, which share one
    found = getattr(inner, "_timezone", None)
    return "" if found is None else str(getattr(found, "name", found))


def ahead(timetable: Any, start: Any, end: Any, now: datetime, until: datetime) -> list[Any]:
    """The runs that start within the window, by schedule alone: as if every earlier one had run."""
    kind = type(timetable).__name__
    if kind == "ContinuousTimetable":  # each follows the one before: only its length, not known here, says when
        first = next_run(timetable, None, start, end, False)
        return [] if first is None or (end and end < now) or (start and start >= until) else [first]
    earliest = max(now, start) if start else now
    found: list[Any] = []
    info = first_of(timetable, start, end, earliest)
    while info is not None and info.run_after < until and len(found) < MOST:
        if info.run_after >= earliest:
            found.append(info)
        info = next_run(timetable, info.data_interval, start, end, True)
    return found


def first_of(timetable: Any, start: Any, end: Any, earliest: Any) -> Any:
    """A run before which none starts at `earliest` or later."""
    if type(timetable).__name__ == "OnceTimetable":
        return next_run(timetable, None, start, end, True)
    info = None
    for back in LOOK_BACK:
        begin = anchored(timetable, start, earliest - back)
        info = next_run(timetable, None, begin, end, True)
        if info is None or begin == start:
            break
        interval = info.data_interval
        # Those before it ended by the beginning of its interval; one without an interval starts where it is looked for.
        if interval.start < earliest or interval.start == interval.end:
            break
    return info


def anchored(timetable: Any, start: Any, begin: Any) -> Any:
    """A duration has no times of its own: it is counted from the start date. Nothing begins before that."""
    if start is None or begin <= start:
        return begin if start is None else start
    delta = getattr(timetable, "_delta", None)
    if delta is None:
        return begin
    if not isinstance(delta, timedelta):  # calendar months and the like: steps of unequal length
        step = start
        while step + delta <= begin:
            step = step + delta
        return step
    return start + int((begin - start).total_seconds() // delta.total_seconds()) * delta


def run(info: Any) -> dict[str, str | None]:
    interval = info.data_interval
    return {
        "run_after": text(info.run_after),
        "logical_date": text(info.logical_date),
        "interval_start": text(interval.start),
        "interval_end": text(interval.end),
    }


def text(moment: Any) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


if __name__ == "__main__":
    main(sys.argv[1], datetime.fromisoformat(sys.argv[2]), float(sys.argv[3]))

"""Run by the Python of an Airflow environment: when would each DAG run? Its own timetables answer.

Arguments: the DAG folder, a moment (ISO 8601), hours to look ahead. Output: one JSON document. Imports nothing of this
repository. `first` is what the scheduler creates when it sees a DAG for the first time at that moment.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

MOST = 5000  # runs of one DAG that are listed
LONGEST = timedelta(days=32)  # a run starts at the end of its interval, which may have begun so long before


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
        "timezone": str(dag.timezone),
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


def ahead(timetable: Any, start: Any, end: Any, now: datetime, until: datetime) -> list[Any]:
    """The runs that start within the window, by schedule alone: as if every earlier one had run."""
    earliest = max(now, start) if start else now
    found: list[Any] = []
    info = next_run(timetable, None, earliest - LONGEST, end, True)
    while info is not None and info.run_after < until and len(found) < MOST:
        if info.run_after >= earliest:
            found.append(info)
        info = next_run(timetable, info.data_interval, start, end, True)
    return found


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

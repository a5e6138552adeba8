"""The batches of the engine `runs`, from Airflow's database: three statements, however many there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from tasklane_pages import view
from tasklane_pages.manifests import planned_batches

FACTS_KEY = "lanes_run"


def batches(session: Session, info: dict[str, Any]) -> list[dict[str, Any]]:
    """One entry per batch; `info` is what the waiting task has published (ChildRuns.info and FanOut._info)."""
    child, prefix = info["child_dag_id"], info["prefix"]
    return view.batch_views(
        info["batches"],
        children_of(session, child, prefix),
        tasks_of(session, child, prefix),
        facts_of(session, child, prefix),
        planned_batches(info["manifest"]),
        quarantine=info.get("quarantine", True),
    )


def children_of(session: Session, child_dag_id: str, prefix: str) -> list[Any]:
    """Runs of the child DAG whose id begins with `prefix`."""
    escaped = prefix.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    return list(
        session.execute(
            select(DagRun.run_id, DagRun.state, DagRun.queued_at, DagRun.start_date, DagRun.end_date).where(
                DagRun.dag_id == child_dag_id, DagRun.run_id.like(f"{escaped}%", escape="\\")
            )
        )
    )


def tasks_of(session: Session, child_dag_id: str, prefix: str) -> dict[str, list[Any]]:
    """Tasks of those runs, by run id."""
    escaped = prefix.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    columns = (TaskInstance.run_id, TaskInstance.task_id, TaskInstance.state, TaskInstance.try_number)
    times = (TaskInstance.start_date, TaskInstance.end_date)
    found = session.execute(
        select(*columns, *times).where(
            TaskInstance.dag_id == child_dag_id, TaskInstance.run_id.like(f"{escaped}%", escape="\\")
        )
    )
    return _by_run(found)


def facts_of(session: Session, child_dag_id: str, prefix: str) -> dict[str, list[Any]]:
    """What RunTask has published about the containers of those runs (task_id, value), by run id."""
    escaped = prefix.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    found = session.execute(
        select(XComModel.run_id, XComModel.task_id, XComModel.value).where(
            XComModel.dag_id == child_dag_id,
            XComModel.run_id.like(f"{escaped}%", escape="\\"),
            XComModel.key == FACTS_KEY,
        )
    )
    return _by_run(found)


def _by_run(rows: Iterable[Any]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.run_id].append(row)
    return grouped

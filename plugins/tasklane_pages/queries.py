"""What the page reads from Airflow's database: a fixed number of statements, however many batches there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import select
from sqlalchemy.orm import Session

INFO_KEY, SUMMARY_KEY, PROGRESS_KEY, FACTS_KEY = "fan_out", "fan_out_summary", "fan_out_progress", "lanes_run"


def recent_fan_outs(session: Session, limit: int) -> list[dict[str, Any]]:
    """The latest fan-outs of all DAGs: the names of their tasks, the child DAG and the number of batches."""
    found = session.execute(
        select(XComModel.dag_id, XComModel.run_id, XComModel.task_id, XComModel.map_index, XComModel.value)
        .where(XComModel.key == INFO_KEY)
        .order_by(XComModel.timestamp.desc())
        .limit(limit)
    )
    return [
        {
            "dag_id": row.dag_id,
            "run_id": row.run_id,
            "task_id": row.task_id,
            "map_index": row.map_index,
            "child_dag_id": row.value["child_dag_id"],
            "batches": row.value["batches"],
        }
        for row in found
        if isinstance(row.value, dict) and "child_dag_id" in row.value
    ]


def fan_out_tasks(session: Session, dag_id: str, run_id: str) -> list[tuple[str, int]]:
    """Task id and map index of the fan-outs of one run."""
    mine = (XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == INFO_KEY)
    found = session.execute(select(XComModel.task_id, XComModel.map_index).where(*mine).order_by(XComModel.task_id))
    return [(row.task_id, row.map_index) for row in found]


def xcoms_of(session: Session, dag_id: str, run_id: str, task_id: str, map_index: int) -> dict[str, Any]:
    """What the waiting task has published, by key."""
    found = session.execute(
        select(XComModel.key, XComModel.value).where(
            XComModel.dag_id == dag_id,
            XComModel.run_id == run_id,
            XComModel.task_id == task_id,
            XComModel.map_index == map_index,
            XComModel.key.in_([INFO_KEY, SUMMARY_KEY, PROGRESS_KEY]),
        )
    )
    return {row.key: row.value for row in found}


def parent_of(session: Session, dag_id: str, run_id: str, task_id: str, map_index: int) -> dict[str, Any]:
    """State and times of the parent run and of its waiting task; {} when the run does not exist."""
    run = session.execute(
        select(DagRun.state, DagRun.start_date, DagRun.end_date).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    ).first()
    if run is None:
        return {}
    is_task = (TaskInstance.task_id == task_id, TaskInstance.map_index == map_index)
    task = session.execute(
        select(TaskInstance.state, TaskInstance.start_date, TaskInstance.end_date, TaskInstance.try_number).where(
            TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, *is_task
        )
    ).first()
    return {"run": run, "task": task}


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

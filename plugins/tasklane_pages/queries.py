"""Fan-outs and their waiting tasks in Airflow's database: a fixed number of statements."""

from __future__ import annotations

from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import select
from sqlalchemy.orm import Session

INFO_KEY, SUMMARY_KEY, PROGRESS_KEY = "fan_out", "fan_out_summary", "fan_out_progress"


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

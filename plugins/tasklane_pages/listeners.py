"""Airflow calls these when runs and tasks end: in the API server (a person marked them) and in the scheduler."""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    """A failed parent run leaves no child running."""
    from tasklane_pages.cancel import cancel_children_later

    if _has_fan_out(dag_run):
        cancel_children_later(dag_run.dag_id, dag_run.run_id)


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:
    """A run that went on without some batches says so in its note."""
    from tasklane_pages.partial import note_what_is_missing

    if _has_fan_out(dag_run):
        note_what_is_missing(dag_run)


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:
    """A person marked the waiting task as failed. In a worker `task_instance` is another class, without a database."""
    if type(task_instance).__module__ != "airflow.models.taskinstance" or task_instance.operator != "FanOut":
        return
    from tasklane_pages.cancel import cancel_children_later

    cancel_children_later(task_instance.dag_id, task_instance.run_id, task_instance.task_id)


def watch_deletions() -> None:
    """A deleted parent run leaves no child running."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import event

    from tasklane_pages.cancel import cancel_children_later

    def deleted(mapper: Any, connection: Any, dag_run: Any) -> None:
        cancel_children_later(dag_run.dag_id, dag_run.run_id)

    if not event.contains(DagRun, "after_delete", watch_deletions):
        event.listen(DagRun, "after_delete", deleted)


def _has_fan_out(dag_run: Any) -> bool:
    """Asked in the session that the run is in: a session of our own would commit inside the scheduler's transaction,
    which Airflow answers by ending the scheduler."""
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import exists, select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return False
    of_this_run = (TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id)
    return bool(session.scalar(select(exists().where(*of_this_run, TaskInstance.operator == "FanOut"))))

"""Airflow calls these when runs and tasks end: in the API server (a person marked them) and in the scheduler.

They read nothing but loaded columns, and leave the rest to a thread: Airflow's own helpers share the scheduler's
session, and closing it under the scheduler's feet ends the scheduler.
"""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    """A failed parent run leaves no child running."""
    from tasklane_pages.background import later
    from tasklane_pages.cancel import cancel_children

    later(cancel_children, dag_run.dag_id, dag_run.run_id)


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:
    """A run that went on without some batches says so in its note."""
    from tasklane_pages.background import later
    from tasklane_pages.partial import note_what_is_missing

    later(note_what_is_missing, dag_run.dag_id, dag_run.run_id)


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:
    """A person marked the waiting task as failed. In a worker `task_instance` is another class, without a database."""
    if type(task_instance).__module__ != "airflow.models.taskinstance" or task_instance.operator != "FanOut":
        return
    from tasklane_pages.background import later
    from tasklane_pages.cancel import cancel_children

    later(cancel_children, task_instance.dag_id, task_instance.run_id, task_instance.task_id)


def watch_deletions() -> None:
    """A deleted parent run leaves no child running.

    On all mappers, because plugins are loaded before Airflow's models are.
    """
    from sqlalchemy import event
    from sqlalchemy.orm import Mapper

    from tasklane_pages import background
    from tasklane_pages.cancel import cancel_children

    def deleted(mapper: Any, connection: Any, target: Any) -> None:
        if (type(target).__module__, type(target).__name__) == ("airflow.models.dagrun", "DagRun"):
            background.later(cancel_children, target.dag_id, target.run_id)

    event.listen(Mapper, "after_delete", deleted)

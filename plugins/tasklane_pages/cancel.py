"""Ending the child runs of a fan-out whose parent ended. Their containers stop by themselves: the trigger of a task
that is not deferred any more is cancelled, and stops its container."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

log = logging.getLogger(__name__)

_RUNS_PER_STATEMENT = 500
# Longer ids are shortened in the ids of the children (lanes.child_runs.child_run_id).
_LONGEST_PREFIX = 160
# One at a time, and not in the request or in the scheduler's loop that found the end of the parent.
_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fan-out-cancel")


def cancel_children_later(dag_id: str, run_id: str, task_id: str | None = None) -> None:
    _worker.submit(_logged, dag_id, run_id, task_id)


def _logged(dag_id: str, run_id: str, task_id: str | None) -> None:
    from airflow.utils.session import create_session

    try:
        with create_session(scoped=False) as session:
            ended = cancel_children(session, dag_id, run_id, task_id)
    except Exception:
        log.exception("the children of %s %s could not be cancelled", dag_id, run_id)
        return
    if ended:
        log.warning("cancelled %d child runs of %s %s, which failed or was deleted", ended, dag_id, run_id)


def cancel_children(session: Any, dag_id: str, run_id: str, task_id: str | None = None) -> int:
    """Set the open child runs of a parent (of one of its tasks) and their open tasks to failed; returns how many."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.state import DagRunState, State, TaskInstanceState
    from airflow.utils.timezone import utcnow  # type: ignore[attr-defined,unused-ignore]
    from sqlalchemy import or_, select, update

    prefix = run_id[:_LONGEST_PREFIX].replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    candidates = session.execute(
        select(DagRun.id, DagRun.dag_id, DagRun.run_id, DagRun.conf).where(
            DagRun.state.in_([DagRunState.QUEUED, DagRunState.RUNNING]), DagRun.run_id.like(f"{prefix}%", escape="\\")
        )
    )
    children = [row for row in candidates if _is_child(row.conf, dag_id, run_id, task_id)]
    now, unfinished = utcnow(), [state for state in TaskInstanceState if state not in State.finished]
    for start in range(0, len(children), _RUNS_PER_STATEMENT):
        some = children[start : start + _RUNS_PER_STATEMENT]
        is_open = or_(TaskInstance.state.is_(None), TaskInstance.state.in_(unfinished))
        of_these = (
            TaskInstance.dag_id.in_({c.dag_id for c in some}),
            TaskInstance.run_id.in_([c.run_id for c in some]),
        )
        quietly = {"synchronize_session": False}
        failed = {"state": TaskInstanceState.FAILED, "end_date": now}
        session.execute(update(TaskInstance).where(*of_these, is_open).values(**failed).execution_options(**quietly))
        ended = {"state": DagRunState.FAILED, "end_date": now}
        by_id = DagRun.id.in_([c.id for c in some])
        session.execute(update(DagRun).where(by_id).values(**ended).execution_options(**quietly))
    return len(children)


def _is_child(conf: Any, dag_id: str, run_id: str, task_id: str | None) -> bool:
    parent = conf.get("fan_out") if isinstance(conf, dict) else None
    if not isinstance(parent, dict) or (parent.get("dag_id"), parent.get("run_id")) != (dag_id, run_id):
        return False
    return task_id is None or parent.get("task_id") == task_id

"""Ending the child runs of a fan-out whose parent ended. Their containers stop by themselves: the trigger of a task
that is not deferred any more is cancelled, and stops its container."""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)

_RUNS_PER_STATEMENT = 500
# Longer ids are shortened in the ids of the children (lanes.fan_outs.child_runs.ids.child_run_id).
_LONGEST_PREFIX = 160


def cancel_children(session: Any, dag_id: str, run_id: str, task_id: str | None = None) -> None:
    """Set the open child runs of a parent (of one of its tasks) and their open tasks to failed."""
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
    unfinished = [state for state in TaskInstanceState if state not in State.finished]
    is_open = or_(TaskInstance.state.is_(None), TaskInstance.state.in_(unfinished))
    failed = {"state": TaskInstanceState.FAILED, "end_date": utcnow()}
    for start in range(0, len(children), _RUNS_PER_STATEMENT):
        some = children[start : start + _RUNS_PER_STATEMENT]
        ended = session.execute(
            update(TaskInstance)
            .where(TaskInstance.dag_id.in_({c.dag_id for c in some}), TaskInstance.run_id.in_([c.run_id for c in some]))
            .where(is_open)
            .values(**failed)
            .returning(TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.id)
            .execution_options(synchronize_session=False)
        ).all()
        cut_off: dict[tuple[str, str], list[str]] = {}
        for task in ended:
            cut_off.setdefault((task.dag_id, task.run_id), []).append(str(task.id))
        # A run none of whose tasks was open any more has ended: its own end stands.
        session.bulk_update_mappings(
            DagRun,
            [
                {"id": c.id, "state": DagRunState.FAILED, "end_date": failed["end_date"], "conf": _cut(c.conf, ids)}
                for c in some
                if (ids := cut_off.get((c.dag_id, c.run_id)))
            ],
        )
    if children:
        log.warning("cancelled %d child runs of %s %s, which failed or was deleted", len(children), dag_id, run_id)


def _is_child(conf: Any, dag_id: str, run_id: str, task_id: str | None) -> bool:
    parent = conf.get("fan_out") if isinstance(conf, dict) else None
    if not isinstance(parent, dict) or (parent.get("dag_id"), parent.get("run_id")) != (dag_id, run_id):
        return False
    return task_id is None or parent.get("task_id") == task_id


def _cut(conf: dict[str, Any], attempts: list[str]) -> dict[str, Any]:
    """The conf with these attempts (ids of task instances) as cut off: what their containers do still counts.

    A container may have succeeded a moment before, without Airflow knowing it yet: the next attempt goes on with it
    (lanes.attempts.identity.cut_off_attempts) instead of doing the work twice.
    """
    parent = conf["fan_out"]
    return {**conf, "fan_out": {**parent, "cut_off": [*parent.get("cut_off", []), *attempts]}}

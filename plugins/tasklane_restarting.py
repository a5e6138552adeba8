"""Lets a task that is cleared while it runs run again. Airflow 3.0 only.

A cleared task that runs gets the state `restarting`; its supervisor ends it, and the executor reports the end. Airflow
3.0's scheduler takes such a report only for tasks that are scheduled, queued or running: the task stays `restarting`,
and its run never ends. Later versions schedule it again when the report comes (apache/airflow #55084); so does this, in
the same transaction. A worker that died is reported too, once its heartbeats have been missed.
"""

import logging
import sys
from typing import Any

from airflow import __version__
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

_ENDS = frozenset({"success", "failed"})
_log = logging.getLogger(__name__)


def schedule_cleared(events: dict[Any, tuple[Any, Any]], scheduler_dag_bag: Any, session: Any) -> None:
    """Of the task instances that an executor reports as over, the scheduler may start the restarting ones again."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.sqlalchemy import with_row_locks
    from airflow.utils.state import TaskInstanceState
    from sqlalchemy import select

    ended = [key for key, (state, _) in events.items() if state in _ENDS]
    if not ended:
        return
    asked = select(TaskInstance).where(
        TaskInstance.filter_for_tis(ended), TaskInstance.state == TaskInstanceState.RESTARTING
    )
    for cleared in session.scalars(with_row_locks(asked, of=TaskInstance, session=session)):
        if cleared.key not in events:  # an earlier try's end
            continue
        dag = scheduler_dag_bag.get_dag(dag_run=cleared.dag_run, session=session)
        retries = dag.get_task(cleared.task_id).retries if dag and dag.has_task(cleared.task_id) else 0
        # As Airflow clears a task that does not run: all its retries again.
        cleared.max_tries = max(cleared.max_tries, cleared.try_number + retries)
        cleared.external_executor_id = None
        cleared.clear_next_method_args()
        cleared.set_state(None, session=session)
        _log.info("%s was cleared while it ran, and has ended: it is scheduled again", cleared)


def mend(runner: Any) -> None:
    """`runner` is the class SchedulerJobRunner; its reports are looked at by `schedule_cleared` first."""
    original = runner.process_executor_events
    if getattr(original, "looks_at_cleared", False):
        return

    def process_executor_events(cls: Any, executor: Any, job_id: Any, scheduler_dag_bag: Any, session: Any) -> int:
        schedule_cleared(executor.event_buffer, scheduler_dag_bag, session)
        return int(original(executor, job_id, scheduler_dag_bag, session))

    process_executor_events.looks_at_cleared = True  # type: ignore[attr-defined]
    runner.process_executor_events = classmethod(process_executor_events)


class _Listener:
    @hookimpl
    def on_starting(self, component: Any) -> None:
        """Called as each component starts; only a scheduler has imported the module by then."""
        if module := sys.modules.get("airflow.jobs.scheduler_job_runner"):
            mend(module.SchedulerJobRunner)


class TasklaneRestarting(AirflowPlugin):
    """Registers the listener."""

    name = "tasklane_restarting"
    listeners = [_Listener()] if __version__.startswith("3.0.") else []

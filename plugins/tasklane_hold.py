"""`tasklane hold`: runs of a DAG after a date wait in the state queued; earlier ones go on (docs/adr/0011-hold.md).

The hold is an Airflow Variable, so that it survives restarts and one can see it. The scheduler tells listeners of each
run that it is about to start, as its own object in its own session: a held one is put back in the queue there, before
anything is committed, and says so in its note. Nothing here opens a session or commits: that would end the scheduler.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

PREFIX = "tasklane_hold."  # of the Variable; the DAG's id follows
HELD, RELEASED = "Held: ", "Was held, released "
_log = logging.getLogger(__name__)


def first_held(value: str | None) -> tuple[datetime, str]:
    """From when on runs wait, and the words for it. What cannot be read holds everything: somebody meant to hold."""
    try:
        hold = json.loads(value or "")
        words = f"runs from {hold['from']} on wait ({hold['by']}{': ' if hold['reason'] else ''}{hold['reason']})"
        return datetime.fromisoformat(hold["from"]), words
    except (ValueError, KeyError, TypeError) as error:
        return datetime.min.replace(tzinfo=UTC), f"the hold cannot be read ({error}); `tasklane unhold`, and hold again"


class _Listener:
    @hookimpl
    def on_dag_run_running(self, dag_run: Any, msg: str) -> None:
        """Called by the scheduler between "running" in memory and its commit."""
        from airflow.models.variable import Variable
        from sqlalchemy import select
        from sqlalchemy.orm import object_session

        session = object_session(dag_run)
        if session is None:
            return
        hold = session.scalar(select(Variable).where(Variable.key == PREFIX + dag_run.dag_id))
        since, words = first_held(hold.get_val()) if hold is not None else (datetime.max.replace(tzinfo=UTC), "")
        noted = str(dag_run.note or "")
        if (dag_run.logical_date or dag_run.run_after) < since:
            if noted.startswith(HELD):
                dag_run.note = f"{RELEASED}{datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {noted}"[:1000]
            return
        put_back(dag_run)
        if not noted.startswith(HELD):
            dag_run.note = f"{HELD}{words}. {noted}".strip()[:1000]  # a note has at most 1,000 characters
            _log.info("%s of %s is held: %s", dag_run.run_id, dag_run.dag_id, words)


def put_back(dag_run: Any) -> None:
    """Queued again, as old as it was, and behind the runs that were not looked at since: none of them starves.

    Runs of the same ten seconds are looked at in the order of their dates, so that they are released oldest first.
    """
    from airflow.utils.state import DagRunState

    queued_at = dag_run.queued_at
    dag_run.set_state(DagRunState.QUEUED)
    dag_run.queued_at = queued_at
    now = datetime.now(UTC)
    dag_run.last_scheduling_decision = now.replace(second=now.second // 10 * 10, microsecond=0)


class TasklaneHold(AirflowPlugin):
    """Registers the listener."""

    name = "tasklane_hold"
    listeners = [_Listener()]  # noqa: RUF012 (Airflow's interface)

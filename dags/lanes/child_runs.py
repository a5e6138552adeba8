"""Child DAG runs through the Task SDK's own channel to the API server: no database, no REST credentials."""

from __future__ import annotations

from typing import Any

from airflow.exceptions import AirflowException
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance


def ensure_child_run(dag_id: str, run_id: str, conf: dict[str, Any]) -> str:
    """Make the child run exist and not be failed; safe to repeat. Returns what was done: created, kept or cleared."""
    if _trigger(dag_id, run_id, conf, reset=False):
        return "created"
    state = RuntimeTaskInstance.get_dagrun_state(dag_id=dag_id, run_id=run_id)
    if state != "failed":
        return f"kept ({state})"
    _trigger(dag_id, run_id, conf, reset=True)
    return "cleared (it had failed)"


def _trigger(dag_id: str, run_id: str, conf: dict[str, Any], *, reset: bool) -> bool:
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS  # set only inside a running task

    request = TriggerDagRun(dag_id=dag_id, run_id=run_id, logical_date=None, conf=conf, reset_dag_run=reset)
    answer = SUPERVISOR_COMMS.send(request)
    if not isinstance(answer, ErrorResponse):
        return True
    if answer.error == ErrorType.DAGRUN_ALREADY_EXISTS:
        return False
    raise AirflowException(
        f"child run {run_id} of {dag_id} could not be created: {answer.detail or answer.error.value}; "
        f"check that {dag_id} is deployed and imports without errors"
    )

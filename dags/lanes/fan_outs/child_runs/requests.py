"""Child DAG runs through the Task SDK's own channel to the API server: no database, no REST credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse, GetXCom, TriggerDagRun, XComResult
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from lanes.airflow_errors import AirflowException, AirflowFailException
from lanes.airflow_questions import RUN_FACTS_KEY
from lanes.fan_outs.child_runs.states import ChildState, failed_tasks, judge

# Run ids travel in the query string of the execution API: 100 of them are about 8 KiB, and load balancers take 16.
RUN_IDS_PER_QUERY = 100


def refuse_paused(dag_id: str) -> None:
    """Fail at once when `dag_id` is paused. Airflow 3.0.6 cannot be asked: there the trigger notices it."""
    try:
        from airflow.sdk.execution_time.comms import GetDag  # type: ignore[attr-defined,unused-ignore]
    except ImportError:
        return
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    try:
        answer = SUPERVISOR_COMMS.send(GetDag(dag_id=dag_id))
    except AirflowRuntimeError as error:
        raise _refused(dag_id, error.error) from error
    if getattr(answer, "is_paused", False):
        raise AirflowFailException(paused_message(dag_id))


def paused_message(dag_id: str) -> str:
    return (
        f"child DAG {dag_id} is paused: its runs would wait for ever; unpause it in the UI (or "
        f"`airflow dags unpause {dag_id}`) and clear this task. Child runs that exist are adopted"
    )


def existing_children(dag_id: str, run_ids: Sequence[str]) -> dict[str, ChildState]:
    """What is there of `run_ids`, by one query per hundred."""
    found: dict[str, ChildState] = {}
    for start in range(0, len(run_ids), RUN_IDS_PER_QUERY):
        chunk = list(run_ids[start : start + RUN_IDS_PER_QUERY])
        states: Mapping[str, Any] = RuntimeTaskInstance.get_task_states(dag_id=dag_id, run_ids=chunk)
        found |= {run_id: judge(tasks) for run_id, tasks in states.items()}
    return found


def failure_classes(dag_id: str, run_ids: Sequence[str]) -> dict[str, str]:
    """Why each of these runs failed, in RunTask's words; runs without a failed task of that kind are left out."""
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    classes: dict[str, str] = {}
    for start in range(0, len(run_ids), RUN_IDS_PER_QUERY):
        states = RuntimeTaskInstance.get_task_states(
            dag_id=dag_id, run_ids=list(run_ids[start : start + RUN_IDS_PER_QUERY])
        )
        for run_id, tasks in states.items():
            for task_id in failed_tasks(tasks)[:1]:
                question = GetXCom(key=RUN_FACTS_KEY, dag_id=dag_id, run_id=run_id, task_id=task_id)
                answer = SUPERVISOR_COMMS.send(question)
                value = answer.value if isinstance(answer, XComResult) else None
                if isinstance(value, dict) and value.get("outcome"):
                    classes[run_id] = str(value["outcome"])
    return classes


def ensure_child_run(dag_id: str, run_id: str, conf: dict[str, Any], known: ChildState | None) -> str:
    """Make the child run exist and not be failed; safe to repeat. Returns what was done: created, kept or repeated.

    `known` is what existing_children said. A failed run is cleared: its finished work is content-addressed, so that
    only what is missing is done again.
    """
    if known in (ChildState.SUCCEEDED, ChildState.RUNNING, ChildState.WAITING):
        return f"kept ({known})"
    if known is None and _trigger(dag_id, run_id, conf, reset=False):
        return "created"
    state = RuntimeTaskInstance.get_dagrun_state(dag_id=dag_id, run_id=run_id)
    if state != "failed":
        return f"kept ({state})"
    _trigger(dag_id, run_id, conf, reset=True)
    return "repeated (it had failed)"


def _trigger(dag_id: str, run_id: str, conf: dict[str, Any], *, reset: bool) -> bool:
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    request = TriggerDagRun(dag_id=dag_id, run_id=run_id, logical_date=None, conf=conf, reset_dag_run=reset)
    try:
        answer = SUPERVISOR_COMMS.send(request)
    except AirflowRuntimeError as error:
        raise _refused(dag_id, error.error) from error
    if not isinstance(answer, ErrorResponse):
        return True
    if answer.error == ErrorType.DAGRUN_ALREADY_EXISTS:
        return False
    raise _refused(dag_id, answer)


def _refused(dag_id: str, error: ErrorResponse) -> AirflowException:
    """Missing and broken DAGs are not tried again; an API server that does not answer is."""
    detail = error.detail or {}
    status = detail.get("status_code")
    if status == 404:
        return AirflowFailException(
            f"child DAG {dag_id} does not exist here; check its name and that its file is in the DAG folder "
            f"(`airflow dags list-import-errors`), then clear this task"
        )
    if status == 400:
        return AirflowFailException(
            f"child DAG {dag_id} takes no runs: {detail.get('detail') or detail.get('message')}; repair it "
            f"(`airflow dags list-import-errors`), then clear this task"
        )
    return AirflowException(f"child runs of {dag_id} could not be created: {detail or error.error.value}")

"""What a trigger may ask Airflow, and tell it, through the triggerer's own channel to the execution API."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import (
    DagRunStateResult,
    DRCount,
    ErrorResponse,
    GetDagRunState,
    GetDRCount,
    GetTaskStates,
    GetXCom,
    SetXCom,
    TaskStatesResult,
    XComResult,
)

from lanes.attempts.retries import backoff

log = logging.getLogger(__name__)

_TRIES = 8
# Where RunTask leaves the facts of a container (lanes.attempts.report.run_facts).
RUN_FACTS_KEY = "lanes_run"


class TriggererQuestions:
    """Questions about the runs of one child DAG. Raises AirflowRuntimeError when Airflow refuses an answer."""

    def __init__(self, child_dag_id: str) -> None:
        self._dag_id = child_dag_id

    async def task_states(self, run_ids: list[str]) -> Mapping[str, Mapping[str, str | None]]:
        answer = await _ask(GetTaskStates(dag_id=self._dag_id, run_ids=run_ids))
        assert isinstance(answer, TaskStatesResult), answer  # noqa: S101 (the channel's contract)
        return answer.task_states

    async def run_state(self, run_id: str) -> str | None:
        """None when the run does not exist (any more)."""
        try:
            answer = await _ask(GetDagRunState(dag_id=self._dag_id, run_id=run_id))
        except AirflowRuntimeError as error:
            if (error.error.detail or {}).get("status_code") == 404:
                return None
            raise
        assert isinstance(answer, DagRunStateResult), answer  # noqa: S101 (the channel's contract)
        return str(answer.state.value)

    async def failure_class(self, run_id: str, task_id: str) -> str | None:
        """Why the container of the task failed, in RunTask's words; None for tasks of another kind."""
        answer = await _ask(GetXCom(key=RUN_FACTS_KEY, dag_id=self._dag_id, run_id=run_id, task_id=task_id))
        value = answer.value if isinstance(answer, XComResult) else None
        return str(value["outcome"]) if isinstance(value, dict) and value.get("outcome") else None

    async def running_runs(self) -> int:
        """How many runs of the child DAG are running, whoever started them."""
        answer = await _ask(GetDRCount(dag_id=self._dag_id, states=["running"]))
        assert isinstance(answer, DRCount), answer  # noqa: S101 (the channel's contract)
        return answer.count


async def publish(task: dict[str, Any], key: str, value: Any) -> None:
    """Set an XCom of `task` (its dag_id, run_id, task_id and map_index)."""
    names = {name: task[name] for name in ("dag_id", "run_id", "task_id", "map_index")}
    await _ask(SetXCom(key=key, value=value, **names))


async def _ask(message: Any) -> Any:
    """The answer. Asked again when Airflow has trouble of its own (its database restarts); 4xx answers are final.

    In a task of its own: cancelling a question in the middle would mix up the answers of the whole triggerer.
    """
    failures = 0
    while True:
        try:
            answer = await asyncio.shield(asyncio.create_task(task_runner.SUPERVISOR_COMMS.asend(message)))  # type: ignore[attr-defined]
        except AirflowRuntimeError as error:
            failures += 1
            if str((error.error.detail or {}).get("status_code", "")).startswith("4") or failures == _TRIES:
                raise
            log.warning("Airflow does not answer %s (%s); asking again", type(message).__name__, error)
            await asyncio.sleep(backoff(failures))
            continue
        if isinstance(answer, ErrorResponse):
            raise AirflowRuntimeError(error=answer)
        return answer

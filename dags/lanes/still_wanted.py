"""Why was the trigger cancelled? Asked of Airflow, through the triggerer's own channel to the execution API."""

from __future__ import annotations

import asyncio
import logging

from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import GetTaskStates, TaskStatesResult

from lanes.identity import Attempt

log = logging.getLogger(__name__)

_ANSWER_SECONDS = 15.0


async def still_wanted(attempt: Attempt) -> bool:
    """True while the task is deferred: the triggerer stops or another one took over, and the container runs on.

    Also True when Airflow does not answer: stopping good work is worse than leaving a container to the reaper.
    """
    question = GetTaskStates(
        dag_id=attempt.dag_id, run_ids=[attempt.run_id], task_ids=[attempt.task_id], map_index=attempt.map_index
    )
    # In a task of its own: cancelling a question in the middle would mix up the answers of the whole triggerer.
    asked = asyncio.create_task(task_runner.SUPERVISOR_COMMS.asend(question))  # type: ignore[attr-defined]
    await asyncio.wait({asked}, timeout=_ANSWER_SECONDS)
    if not asked.done() or asked.cancelled() or asked.exception() is not None:
        log.warning("Airflow does not say whether the task is still wanted: its container is left alone")
        return True
    answer = asked.result()
    if not isinstance(answer, TaskStatesResult):
        log.warning("Airflow does not say whether the task is still wanted (%r): its container is left alone", answer)
        return True
    key = attempt.task_id if attempt.map_index < 0 else f"{attempt.task_id}_{attempt.map_index}"
    state = answer.task_states.get(attempt.run_id, {}).get(key)  # no run, no task: deleted
    return state == "deferred"

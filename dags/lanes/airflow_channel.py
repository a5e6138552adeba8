"""Questions and messages of a trigger to Airflow, through the triggerer's own channel to the execution API."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import GetTaskStates, SetXCom, TaskStatesResult

from lanes.attempts.identity import Attempt
from lanes.attempts.retries import backoff
from lanes.attempts.task_states import OVER

log = logging.getLogger(__name__)

_ANSWER_SECONDS = 15.0
_XCOM_TRIES = 5
# A triggerer passes on one message at a time: when hundreds of containers end at once on a busy machine, an answer
# takes minutes. Asking again would only lengthen the queue, and the container has done its work.
_XCOM_SECONDS = 15 * 60.0


async def _send(message: Any, seconds: float = _ANSWER_SECONDS) -> Any:
    """The answer; raises what Airflow answered, or TimeoutError.

    In a task of its own: cancelling a question in the middle would mix up the answers for the whole triggerer.
    """
    channel: Any = task_runner.SUPERVISOR_COMMS  # in a triggerer: TriggerCommsDecoder
    asked = asyncio.create_task(channel.asend(message))
    await asyncio.wait({asked}, timeout=seconds)
    if not asked.done():
        raise TimeoutError(f"Airflow did not answer {type(message).__name__} within {seconds:.0f} s")
    return asked.result()


async def still_wanted(attempt: Attempt, *, by_the_next_attempt: bool = False) -> bool:
    """Whether the task is still deferred: then the trigger was cancelled because this triggerer ends or lost it.

    `by_the_next_attempt`: also a task that was cleared, whose next attempt goes on with what runs. Also True when
    Airflow does not answer: stopping good work is worse than leaving a container to the reaper.
    """
    question = GetTaskStates(
        dag_id=attempt.dag_id, run_ids=[attempt.run_id], task_ids=[attempt.task_id], map_index=attempt.map_index
    )
    try:
        answer = await _send(question)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is no answer, and the trigger is being cancelled)
        log.warning("Airflow does not say whether the task is still wanted (%s): its container runs on", error)
        return True
    if not isinstance(answer, TaskStatesResult):
        log.warning("Airflow does not say whether the task is still wanted (%r): its container runs on", answer)
        return True
    key = attempt.task_id if attempt.map_index < 0 else f"{attempt.task_id}_{attempt.map_index}"
    states = answer.task_states.get(attempt.run_id, {})
    if by_the_next_attempt:
        return key in states and states[key] not in OVER
    return bool(states.get(key) == "deferred")  # no run, no task: deleted


async def push_xcoms(attempt: Attempt, values: dict[str, Any]) -> None:
    """Store XComs of the task, as a worker would.

    Not by way of TaskSuccessEvent: Airflow 3.0.6 and 3.2.1 encode its XComs twice, and the next task pulls a string
    with quotation marks in it.
    """
    for key, value in values.items():
        message = SetXCom(
            key=key, value=value, dag_id=attempt.dag_id, run_id=attempt.run_id, task_id=attempt.task_id,
            map_index=attempt.map_index,
        )  # fmt: skip
        for failures in range(1, _XCOM_TRIES + 1):
            try:
                await _send(message, _XCOM_SECONDS)
                break
            except Exception as error:
                if failures == _XCOM_TRIES:
                    raise
                log.warning("XCom %s not stored (%s: %s); trying again", key, type(error).__name__, error)
                await asyncio.sleep(backoff(failures))

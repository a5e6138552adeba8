"""Waits for the child runs of a fan-out: a few counting queries per poll, not one query per child."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent
from asgiref.sync import sync_to_async

log = logging.getLogger(__name__)

# Run ids travel in the query string of the execution API, and uvicorn takes 64 KiB of request line and headers.
RUN_IDS_PER_QUERY = 200
# A task resumed before the scheduler has read the executor's report of its first half is marked failed. Success does
# not resume the task at all; failures wait until that report has certainly been read.
EARLIEST_RESUME_SECONDS = 10.0


class FanOutTrigger(BaseTrigger):
    """Ends the task with success from the triggerer (no second worker start) or resumes it with the failed run ids."""

    def __init__(self, child_dag_id: str, run_ids: list[str], poll_seconds: float, result: str) -> None:
        super().__init__()
        self.child_dag_id = child_dag_id
        self.run_ids = run_ids
        self.poll_seconds = poll_seconds
        self.result = result

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "lanes.fan_out_trigger.FanOutTrigger",
            {
                "child_dag_id": self.child_dag_id,
                "run_ids": self.run_ids,
                "poll_seconds": self.poll_seconds,
                "result": self.result,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        begun = time.monotonic()
        last = (-1, -1)
        while True:
            succeeded, failed = await self._count("success"), await self._count("failed")
            if (succeeded, failed) != last:
                last = (succeeded, failed)
                log.info("child runs: %d succeeded, %d failed, %d in all", succeeded, failed, len(self.run_ids))
            if succeeded + failed >= len(self.run_ids):
                break
            await asyncio.sleep(self.poll_seconds)
        if not failed:
            yield TaskSuccessEvent(xcoms={"return_value": self.result})
            return
        await asyncio.sleep(max(0.0, EARLIEST_RESUME_SECONDS - (time.monotonic() - begun)))
        yield TriggerEvent({"failed": await self._failed_runs(), "total": len(self.run_ids)})

    async def _count(self, state: str) -> int:
        count = sync_to_async(RuntimeTaskInstance.get_dr_count)
        chunks = [
            self.run_ids[start : start + RUN_IDS_PER_QUERY] for start in range(0, len(self.run_ids), RUN_IDS_PER_QUERY)
        ]
        return sum([await count(dag_id=self.child_dag_id, run_ids=chunk, states=[state]) for chunk in chunks])

    async def _failed_runs(self) -> list[str]:
        state_of = sync_to_async(RuntimeTaskInstance.get_dagrun_state)
        return [run_id for run_id in self.run_ids if await state_of(self.child_dag_id, run_id) == "failed"]

"""Waits for the child runs of a fan-out, and ends the task with success from the triggerer: no second worker start."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from lanes.airflow_questions import publish
from lanes.fan_outs.child_runs.watch import watch
from lanes.fan_outs.progress import Progress
from lanes.fan_outs.state import FanOutState, Tolerance, summary

log = logging.getLogger(__name__)

# A task resumed before the scheduler has read the executor's report of its first half is marked failed without a retry
# (Airflow 3.0.6, 3.2.1). Success does not resume the task; everything else waits until that has certainly been read.
EARLIEST_RESUME_SECONDS = 10.0
# How long nothing may start before the child DAG counts as paused (only Airflow 3.0.6 must be guessed at like that).
PAUSED_SECONDS = 60.0
SUMMARY_KEY, PROGRESS_KEY = "fan_out_summary", "fan_out_progress"
PROGRESS_EVERY_SECONDS = 10.0


class FanOutTrigger(BaseTrigger):
    """`task` names the waiting task: dag_id, run_id, task_id, map_index and try_number. `state` is FanOutState as JSON,
    `facts` is ChildRuns.facts().

    Events that resume the worker: more (room for further batches), failed, paused, done (only for tasks with outlets).
    """

    def __init__(
        self,
        facts: dict[str, Any],
        task: dict[str, Any],
        manifest_uri: str,
        state: dict[str, Any],
        max_parallel: int,
        max_failed: float,
        quarantine: bool,
        poll_seconds: float,
        started_at: float,
        resume_on_success: bool = False,
        **newer: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._kwargs = {
            "facts": facts,
            "task": task,
            "manifest_uri": manifest_uri,
            "state": state,
            "max_parallel": max_parallel,
            "max_failed": max_failed,
            "quarantine": quarantine,
            "poll_seconds": poll_seconds,
            "started_at": started_at,
            "resume_on_success": resume_on_success,
            **newer,
        }
        self.task, self.max_parallel, self.poll_seconds = task, max_parallel, poll_seconds
        self.tolerance = Tolerance(max_failed, quarantine)
        self.resume_on_success, self.result = resume_on_success, manifest_uri
        self.state = FanOutState.from_dict(state)
        self.watch = watch(facts, self.state)
        self.progress = Progress(started_at, self.state)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "lanes.fan_outs.trigger.FanOutTrigger", self._kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        begun = time.monotonic()
        outcome = await self._wait()
        if outcome == "over" and not self.tolerance.exceeded(self.state):
            facts = summary(self.state, self.tolerance)
            log.info("fan-out %s: %s", facts["state"], facts)
            if not self.resume_on_success:
                # Not in the event: Airflow 3.0.6 and 3.2.1 encode its XComs twice.
                await self._publish(PROGRESS_KEY, self.progress.facts(self.state, time.time()))
                await self._publish(SUMMARY_KEY, facts)
                await self._publish("return_value", self.result)
                yield TaskSuccessEvent()
                return
        await asyncio.sleep(max(0.0, EARLIEST_RESUME_SECONDS - (time.monotonic() - begun)))
        facts = {"try_number": self.task["try_number"], "started_at": self.progress.started_at}
        yield TriggerEvent({"outcome": outcome, "state": self.state.to_dict(), **facts})

    async def _wait(self) -> str:
        """Look until it is over, or there is room for more, or the child DAG turns out to be paused."""
        begun, told = time.monotonic(), 0.0
        while True:
            ended = await self.watch.look()
            self.progress.note(self.state, time.time())
            if ended or not told:
                log.info("%s", self.progress.line(self.state, time.time()))
            if self.state.over:
                return "over"
            if self.state.wants_more(self.max_parallel) and time.monotonic() - begun > EARLIEST_RESUME_SECONDS:
                return "more"
            if time.monotonic() - begun > PAUSED_SECONDS and await self.watch.nothing_starts():
                return "paused"
            if not told or (ended and time.monotonic() - told > PROGRESS_EVERY_SECONDS):
                told = time.monotonic()
                await self._publish(PROGRESS_KEY, self.progress.facts(self.state, time.time()))
            if not ended:  # whoever ended made room in the window: look at the next ones at once
                await asyncio.sleep(self.poll_seconds)

    async def _publish(self, key: str, value: Any) -> None:
        await publish(self.task, key, value)

"""Runs the array jobs of a fan-out, and ends the task with success from the triggerer: no second worker start."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from lanes.airflow_channel import push_xcoms, still_wanted
from lanes.aws.calls import CallRefused
from lanes.aws.shared import shared
from lanes.batch.launch import BatchLaunch
from lanes.batch.poller import BatchPoller
from lanes.fan_outs.array_jobs.facts import cost_of
from lanes.fan_outs.array_jobs.failed_batches import describe_failed
from lanes.fan_outs.array_jobs.ownership import Superseded
from lanes.fan_outs.array_jobs.rows import Lane
from lanes.fan_outs.array_jobs.work import ArrayWork
from lanes.fan_outs.progress import Progress
from lanes.fan_outs.state import FanOutState, Tolerance, summary
from lanes.fan_outs.trigger import EARLIEST_RESUME_SECONDS, PROGRESS_EVERY_SECONDS, PROGRESS_KEY, SUMMARY_KEY

log = logging.getLogger(__name__)

# Airflow takes the trigger from a superseded triggerer within seconds. Still here after this: it is ours again.
SUPERSEDED_SECONDS = 60.0


class ArrayFanOutTrigger(BaseTrigger):
    """`launch` is BatchLaunch.to_dict() with every size of the lane, `growth` the sizes that each of them grows to.

    `document_uri` is where the state lies; `asked` the batches (by index) that were resumed with other settings.
    """

    def __init__(
        self,
        launch: dict[str, Any],
        growth: dict[str, list[str]],
        manifest_uri: str,
        document_uri: str,
        asked: dict[str, dict[str, Any]],
        max_failed: float,
        quarantine: bool,
        started_at: float,
        resume_on_success: bool = False,
        **newer: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._kwargs = {
            "launch": launch,
            "growth": growth,
            "manifest_uri": manifest_uri,
            "document_uri": document_uri,
            "asked": asked,
            "max_failed": max_failed,
            "quarantine": quarantine,
            "started_at": started_at,
            "resume_on_success": resume_on_success,
            **newer,
        }
        self.launch = BatchLaunch.from_dict(launch)
        self.lane = Lane(self.launch, growth)
        self.manifest_uri, self.document_uri = manifest_uri, document_uri
        self.asked = {int(index): change for index, change in asked.items()}
        self.tolerance = Tolerance(max_failed, quarantine)
        self.started_at, self.resume_on_success = started_at, resume_on_success

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "lanes.fan_outs.array_jobs.trigger.ArrayFanOutTrigger", self._kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        begun, holder = time.monotonic(), list[ArrayWork]()
        event: dict[str, Any]
        try:
            state = await self._until_over(holder)
            facts = summary(state, self.tolerance) | cost_of(holder[0].rows)
            failed = ", ".join(f"{len(indexes)} {kind}" for kind, indexes in facts["failed"].items())
            log.info("fan-out %s: %d of %d succeeded, %d quarantined%s", facts["state"], facts["succeeded"],
                     facts["total"], len(facts["quarantined"]), f"; failed: {failed}" if failed else "")  # fmt: skip
            ends_here = not self.tolerance.exceeded(state) and not self.resume_on_success
            if ends_here:
                await push_xcoms(self.launch.attempt, {SUMMARY_KEY: facts, "return_value": self.manifest_uri})
            event = {"state": state.to_dict(), "message": describe_failed(self.launch, holder[0].rows, self.tolerance)}
        except asyncio.CancelledError:
            if holder and not await still_wanted(self.launch.attempt, by_the_next_attempt=True):
                await holder[0].stop("the Airflow task was ended")
            raise
        except CallRefused as refused:
            ends_here, event = False, {"state": None, "message": f"{refused}; clear this task to go on from here"}
        except Exception as error:
            log.exception("the trigger failed")
            ends_here, event = False, {"state": None, "message": f"internal: {type(error).__name__}: {error}"}
        if ends_here:
            yield TaskSuccessEvent()
            return
        await asyncio.sleep(max(0.0, EARLIEST_RESUME_SECONDS - (time.monotonic() - begun)))
        yield TriggerEvent({"try_number": self.launch.attempt.try_number, **event})

    async def _until_over(self, holder: list[ArrayWork]) -> FanOutState:
        while True:
            try:
                return await self._carry_on(holder)
            except Superseded:
                log.warning("another triggerer goes on with this fan-out")
                holder.clear()  # what runs is the other one's to stop
                await asyncio.sleep(SUPERSEDED_SECONDS)

    async def _carry_on(self, holder: list[ArrayWork]) -> FanOutState:
        ours = await shared(self.launch.region, self.launch.aws_conn_id)
        poller = ours.poller("batch", lambda: BatchPoller(ours.calls))
        work = ArrayWork(ours.calls, poller, self.lane, self.manifest_uri, self.document_uri)
        holder.append(work)
        await work.begin(self.asked, quarantine=self.tolerance.quarantine)
        progress, told, line = Progress(self.started_at, FanOutState([])), 0.0, ""
        while True:
            state = await work.step()
            counted, now = work.counted(state), time.time()
            progress.note(counted, now)
            if progress.line(counted, now).split(";")[0] != line or state.over:
                line = progress.line(counted, now).split(";")[0]
                log.info("%s", progress.line(counted, now))
            if state.over or time.monotonic() - told > PROGRESS_EVERY_SECONDS:
                told = time.monotonic()
                await push_xcoms(self.launch.attempt, {PROGRESS_KEY: progress.facts(counted, now)})
            if state.over:
                return state

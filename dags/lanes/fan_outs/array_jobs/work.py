"""All arrays of one fan-out: submitted once each, watched, followed by arrays of what is worth another try."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from secrets import token_hex
from typing import Any

from lanes.attempts.run_metrics import record
from lanes.aws.calls import AwsCalls, CallRefused
from lanes.batch.launch import resources
from lanes.batch.names import name_prefix
from lanes.batch.poller import BatchPoller
from lanes.batch.submit import settled, submit
from lanes.fan_outs.array_jobs.document import Array, Document, mapping, read, write_once
from lanes.fan_outs.array_jobs.facts import run_facts
from lanes.fan_outs.array_jobs.ownership import OwnedObject
from lanes.fan_outs.array_jobs.rows import OPEN, WAITING, Lane, Row, Wanted, again, state_of
from lanes.fan_outs.array_jobs.watch import ArrayWatch
from lanes.fan_outs.state import FanOutState

log = logging.getLogger(__name__)

# What failed for a passing reason waits so long for others, while arrays still run: one array for many.
GATHER_SECONDS = 60.0
SAVE_SECONDS = 5.0


class ArrayWork:
    """`uri` is where the document lies; `asked` the batches that a person resumed with other settings."""

    def __init__(self, calls: AwsCalls, poller: BatchPoller, lane: Lane, manifest_uri: str, uri: str) -> None:
        self._calls, self._poller, self._lane = calls, poller, lane
        self._manifest_uri, self._stored = manifest_uri, OwnedObject(calls, uri)
        self._attempt = lane.launch.attempt
        self._watches: list[ArrayWatch] = []
        self._saved, self._saved_at = b"", 0.0
        self._waiting_since = 0.0
        self._told_to_stop: set[int] = set()
        self._writer = token_hex(8)
        self.document = Document(self._attempt.attempt_id, [])

    @property
    def rows(self) -> list[Row]:
        return self.document.rows

    async def begin(self, asked: dict[int, dict[str, Any]], *, quarantine: bool) -> None:
        """Go on from what is there: arrays of earlier attempts are watched on, what succeeded is kept.

        From here on Superseded ends whoever else carries the fan-out on; later it may end this one.
        """
        text = await self._stored.read()
        if text is None:
            plan = json.loads(await read(self._calls, self._manifest_uri) or b"{}")
            self.document.rows = [self._lane.row(batch["index"], batch["size"], None) for batch in plan["batches"]]
        else:
            self.document = Document.from_json(text)
            log.info("going on with %s", _told(state_of(self.rows)))
            if self.document.attempt_id != self._attempt.attempt_id:
                self.document.attempt_id = self._attempt.attempt_id
                again(self.document.rows, self._lane, asked, quarantine=quarantine)
        self.document.writer = self._writer
        await self._save(now=True)
        for array in self.document.arrays:
            if not array.ended:
                await self._go_on(array)

    async def step(self) -> FanOutState:
        """One look, and arrays for what waits; the state afterwards."""
        await asyncio.gather(*(watch.look() for watch in self._watches))
        for watch in list(self._watches):
            if watch.stuck and watch.array.number not in self._told_to_stop:
                await self._terminate(watch.array, f"{watch.stuck.kind}: {watch.stuck.reason}")
            if watch.forgotten:
                log.error("AWS Batch does not know array job %s any more", watch.array.job_id)
                watch.forget()
            if watch.array.ended:
                self._watches.remove(watch)
                log.info("array job %s ended: %s", watch.array.job_id, _counted(watch.array.counts))
                self._record(watch.array)
        if self._is_time_to_submit():
            for wanted in self._lane.wanted(self.rows):
                await self._submit(wanted)
            self._waiting_since = 0.0
        state = state_of(self.rows)
        await self._save(now=state.over)
        return state

    def counted(self, state: FanOutState) -> FanOutState:
        """`state` with the numbers that AWS gives: of an array that runs, not every child is known by name."""
        running = [watch.array.counts for watch in self._watches if watch.array.count > 1]
        hidden = sum(counts.get("SUCCEEDED", 0) for counts in running)
        hidden -= sum(row.state == "success" for watch in self._watches if watch.array.count > 1 for row in watch.rows)
        hidden = max(0, min(hidden, len(state.running)))
        return FanOutState(
            state.waiting, state.running[hidden:], [*state.succeeded, *state.running[:hidden]], state.failed
        )

    async def stop(self, cause: str) -> None:
        """Nobody wants the batches any more: end every array that has not ended."""
        for array in self.document.arrays:
            if not array.ended and not array.job_id and (found := await self._find(array)):
                array.job_id = found
            if not array.ended and array.job_id:
                await self._terminate(array, cause)

    def _is_time_to_submit(self) -> bool:
        if not any(row.state == WAITING for row in self.rows):
            return False
        self._waiting_since = self._waiting_since or time.monotonic()
        return not self._watches or time.monotonic() - self._waiting_since > GATHER_SECONDS

    async def _submit(self, wanted: Wanted) -> None:
        """Its mapping, then its intent, then the job: each can be repeated by whoever goes on."""
        number = len(self.document.arrays)
        uri, body = mapping(self._manifest_uri, wanted.batches)
        await write_once(self._calls, uri, body)
        told = f"{self._attempt.attempt_id}/{number}/{uri}"
        name = name_prefix(self._attempt) + hashlib.sha256(told.encode()).hexdigest()[:40]
        array = Array(number, name, wanted.size, wanted.spot, len(wanted.batches), uri)
        rows = {row.index: row for row in self.rows}
        for position, index in enumerate(wanted.batches):
            row = rows[index]
            row.state, row.array, row.position = OPEN, number, position
            row.tries, row.start, row.end, row.log_stream = row.tries + 1, 0.0, 0.0, ""
        self.document.arrays.append(array)
        await self._save(now=True)
        await self._start(array)

    async def _start(self, array: Array) -> None:
        array.job_id = await submit(self._calls, self._request(array), self._attempt.stop_reason("submitted twice"))
        await self._save(now=True)
        log.info("array job %s: %d batches, size %s%s", array.job_id, array.count, array.size,
                 ", Spot" if array.spot else "")  # fmt: skip
        self._watch(array)

    async def _go_on(self, array: Array) -> None:
        """An array of the document that has not ended; without an id, its submission may or may not have been made."""
        if not array.job_id:
            array.job_id = await self._find(array) or ""
        if array.job_id:
            self._watch(array, adopted=True)
        else:
            await self._start(array)

    async def _find(self, array: Array) -> str | None:
        found = await settled(self._calls, [self._request(array)["jobQueue"]], array.name)
        return str(found[0]["jobId"]) if found else None

    def _watch(self, array: Array, *, adopted: bool = False) -> None:
        rows = sorted((row for row in self.rows if row.array == array.number), key=lambda row: row.position)
        by_position: list[Row] = [Row(-1, "", "", rows[0].step, state="moved")] * array.count
        for row in rows:
            by_position[row.position] = row
        self._watches.append(ArrayWatch(self._calls, self._poller, array, by_position, self._lane, adopted=adopted))

    def _request(self, array: Array) -> dict[str, Any]:
        launch = self._lane.order(array.size)
        environment = launch.container_environment(array.number)
        environment.append({"name": "TASKLANE_BATCHES_URI", "value": array.batches_uri})
        several = {"arrayProperties": {"size": array.count}} if array.count > 1 else {}
        return {
            **launch.placed(launch.sizes[0], spot=array.spot),
            **several,
            "jobName": array.name,
            "containerOverrides": {
                "command": launch.command,
                "environment": environment,
                "resourceRequirements": resources(launch.sizes[0]),
            },
        }

    async def _terminate(self, array: Array, cause: str) -> None:
        self._told_to_stop.add(array.number)
        try:
            reason = self._attempt.stop_reason(cause)
            await self._calls.call("batch", "terminate_job", jobId=array.job_id, reason=reason)
        except CallRefused as refused:
            log.error("array job %s could not be stopped: %s", array.job_id, refused)
        else:
            log.info("array job %s told to stop (%s)", array.job_id, cause)

    def _record(self, array: Array) -> None:
        """The batches that came to their end in this array as metrics, one event per class."""
        launch = self._lane.launch
        for facts in run_facts(array, self.rows):
            if launch.metrics_group:
                known = {"lane": launch.lane, "attempt": launch.attempt.told, **facts}
                record(self._calls, launch.metrics_group, launch.environment_name, known)

    async def _save(self, *, now: bool) -> None:
        if not now and time.monotonic() - self._saved_at < SAVE_SECONDS:
            return
        body = self.document.to_json()
        if body != self._saved:
            await self._stored.write(body)
            self._saved = body
        self._saved_at = time.monotonic()


def _told(state: FanOutState) -> str:
    return (
        f"{len(state.succeeded)} batches succeeded, {len(state.failed)} failed, {len(state.running)} open, "
        f"{len(state.waiting)} waiting"
    )


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "nothing counted"

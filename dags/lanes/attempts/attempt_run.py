"""One attempt from its first container to its verdict. Runs in the triggerer (or, not deferred, in the worker)."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from typing import Any

from lanes.attempts.engine import Engine, LogSource, Seen
from lanes.attempts.failures import Failure, Kind
from lanes.attempts.identity import SUPERSEDED
from lanes.attempts.launch import Launch
from lanes.attempts.outcome import Ended, Outcome
from lanes.attempts.result_document import read_result
from lanes.attempts.retries import backoff
from lanes.attempts.steps import Found, Step, choose, first_step, next_step
from lanes.aws.calls import CallRefused
from lanes.aws.logs import LogTail

log = logging.getLogger(__name__)

# How long a request may wait for room before the attempt fails (Airflow's retries come on top).
CAPACITY_PATIENCE_SECONDS = 30 * 60.0
# AWS may not know a container yet that it has just started (eventual consistency).
UNKNOWN_PATIENCE_SECONDS = 60.0
# How long who ends a task waits for the answer to a start that was just being made; later it is stopped when it comes.
START_ANSWER_SECONDS = 30.0
_later: set[asyncio.Task[None]] = set()


class AttemptRun:
    """Start or find the container, watch it, bring its log, judge its end; again where AWS took it away."""

    def __init__(self, launch: Launch, engine: Engine, logs: LogSource) -> None:
        self._launch = launch
        self._engine = engine
        self._logs = logs
        self._given_up = False
        self._starting: asyncio.Task[str] | None = None
        self._looked = False
        self._tail: LogTail | None = None
        self._stop_asked = False
        self.arn: str | None = None
        self.log_stream: str | None = None
        self.result_uri = launch.result_uri
        self._result: dict[str, Any] = {}
        self._earlier: list[Ended] = []

    async def run(self) -> Outcome:
        step = first_step(self._launch)
        try:
            found = await self._look() if self._engine.look_first else None
        except CallRefused as refused:  # who does not know what runs must not start anything
            return Outcome(refused.failure, step, None, None, None)
        self._stop_asked = False  # of others
        if found:
            step, self.arn, self.result_uri = found.step, found.arn, found.result_uri
        while True:
            seen = None
            try:
                if self.arn is None:
                    self._starting = asyncio.create_task(self._start(step))
                    self.arn = await asyncio.shield(self._starting)
                seen = await self._watch(self.arn)
                failure = await self._verdict(seen)
                if failure and failure.kind is Kind.LOST and (newer := await self._newer_than(step)):
                    step, self.arn, self.result_uri = newer.step, newer.arn, newer.result_uri
                    continue
            except CallRefused as refused:
                failure = refused.failure
                if self.arn is not None:  # it can no longer be watched, and its task fails: nobody would stop it
                    await self._stop_task(self.arn, "it cannot be watched")
            following = next_step(self._launch, step, failure) if failure else None
            if following is None:
                return Outcome(failure, step, self.arn, self.result_uri, seen, self._result, tuple(self._earlier))
            if seen:
                self._earlier.append(Ended(step, seen))
            log.warning("%s; starting another container (size %s%s)", failure and failure.headline,
                        self._launch.sizes[following.size].name, ", Spot" if following.spot else "")  # fmt: skip
            step, self.arn, self.result_uri, self._stop_asked = following, None, self._launch.result_uri, False
            self.log_stream = None
            self._result = {}

    async def stop(self, cause: str) -> None:
        """Nobody wants the container any more: StopTask, also for one that is being looked for or started."""
        self._given_up = True
        if self.arn is None and self._starting is not None:
            answered, _ = await asyncio.wait({self._starting}, timeout=START_ANSWER_SECONDS)
            if answered:
                await self._stop_started(self._starting, cause)
            else:  # AWS throttles. An empty context: by then the log of this task may be closed.
                ending = asyncio.create_task(self._stop_started(self._starting, cause), context=contextvars.Context())
                _later.add(ending)
                ending.add_done_callback(_later.discard)
        elif self.arn is None and not self._looked:  # cancelled during the look that comes first
            await self._stop_found(cause)
        elif self.arn is not None:
            await self._stop_task(self.arn, cause)

    async def _stop_started(self, starting: asyncio.Task[str], cause: str) -> None:
        """The container as soon as AWS has answered; nothing if AWS started none."""
        try:
            self.arn = await asyncio.shield(starting)
        except CallRefused:
            return
        await self._stop_task(self.arn, cause)

    async def _stop_found(self, cause: str) -> None:
        """This triggerer has not yet found what another had started when it died."""
        try:
            found = await self._engine.find()
        except CallRefused as refused:
            log.error("what runs for this task could not be looked for: %s", refused)
            return
        for container in found:
            if container.running and self._launch.attempt.owns(container.attempt_id, container.life):
                await self._stop_task(container.arn, cause)

    @property
    def last_lines(self) -> list[str]:
        """The last lines that the last container wrote."""
        return list(self._tail.last_lines) if self._tail else []

    async def _look(self) -> Found | None:
        """The container of this task instance to go on with; others that still run are stopped."""
        chosen, orphans = choose(await self._engine.find(), self._launch.attempt)
        self._looked = True
        for orphan in orphans:
            log.warning("container %s belongs to an attempt that is over: stopping it", orphan.arn)
            await self._stop_task(orphan.arn, SUPERSEDED)
        if chosen:
            log.info("going on with container %s (%s)", chosen.arn, "running" if chosen.running else "finished")
        return chosen

    async def _newer_than(self, step: Step) -> Found | None:
        """What followed a container that is forgotten: another triggerer started it, and only the first has our token.

        ECS knows a task for an hour after its end, and its token for a day.
        """
        found = None if self._looked else await self._look()
        return found if found and found.step.number > step.number else None

    async def _start(self, step: Step) -> str:
        """The ARN of the container for this step. Waits while AWS has no room."""
        begun, refusals = time.monotonic(), 0
        while True:
            try:
                return self._started(await self._engine.start(step), step)
            except CallRefused as refused:
                failure = refused.failure
            waited = time.monotonic() - begun
            if self._given_up or failure.kind is not Kind.CAPACITY or waited > CAPACITY_PATIENCE_SECONDS:
                raise CallRefused(failure)
            if step.spot and self._launch.capacity != "spot":
                raise CallRefused(failure)  # the next step is on demand
            refusals += 1
            log.warning("%s; asking again, for %d minutes at most", failure.headline, CAPACITY_PATIENCE_SECONDS // 60)
            await asyncio.sleep(backoff(refusals))

    def _started(self, arn: str, step: Step) -> str:
        size = self._launch.sizes[step.size]
        log.info("container %s (size %s: %s%s)", arn, size.name, size.text, ", Spot" if step.spot else "")
        return arn

    async def _watch(self, arn: str) -> Seen | None:
        """The container when it has ended; None when AWS does not know it any more."""
        self._tail = None
        self._engine.poller.watched += 1
        try:
            return await self._until_ended(arn)
        finally:
            self._engine.poller.watched -= 1
            if self._tail:
                self._logs.leave(self._tail)

    async def _until_ended(self, arn: str) -> Seen | None:
        unknown_since, told = time.monotonic(), ""
        while True:
            description = await self._engine.poller.next(arn)
            if description is None and time.monotonic() - unknown_since > UNKNOWN_PATIENCE_SECONDS:
                return None
            if description is None:
                continue
            unknown_since = time.monotonic()
            seen = self._engine.read(description)
            status = f"{seen.status}: {seen.waits_for}" if seen.waits_for else seen.status
            if status != told:
                told = status
                log.info("container %s", status)
            if seen.log_stream:
                await self._bring_log(seen, seen.log_stream)
            if seen.ended:
                return seen
            await self._stop_when_late(seen)

    async def _bring_log(self, seen: Seen, stream: str) -> None:
        if self._tail is None:
            self._tail, self.log_stream = LogTail(stream), stream
        self._tail.begins(seen.created_at)
        if seen.ended:
            await self._logs.finish(self._tail)
        else:
            self._logs.follow(self._tail)
            await self._tail.show()

    async def _stop_when_late(self, seen: Seen) -> None:
        if self._stop_asked:
            return
        if seen.stuck:
            log.error("%s: stopping it", seen.stuck.headline)
            await self._stop_task(seen.arn, f"{seen.stuck.kind}: {seen.stuck.reason}")
        elif seen.started_at and time.time() - seen.started_at.timestamp() >= self._launch.timeout_seconds:
            log.error("container runs longer than %d s: stopping it", self._launch.timeout_seconds)
            await self._stop_task(seen.arn, f"timeout after {self._launch.timeout_seconds:.0f} s")

    async def _stop_task(self, arn: str, cause: str) -> None:
        self._stop_asked = True
        try:
            await self._engine.stop(arn, self._launch.attempt.stop_reason(cause))
        except CallRefused as refused:
            log.error("container %s could not be stopped: %s", arn, refused)
        else:
            log.info("container %s told to stop (%s)", arn, cause)

    async def _verdict(self, seen: Seen | None) -> Failure | None:
        if seen is None:
            lost = Failure(Kind.LOST, "the container is not known any more, and it left no result document")
            return lost if self.result_uri is None or await self._check_result() else None
        return seen.failure or await self._check_result()

    async def _check_result(self) -> Failure | None:
        if self.result_uri is None:
            return None
        read = await read_result(self._engine.calls, self.result_uri)
        if isinstance(read, Failure):
            return read
        self._result = read
        return None

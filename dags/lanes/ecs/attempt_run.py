"""One attempt from its first RunTask call to its verdict. Runs in the triggerer (or, not deferred, in the worker)."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from lanes.attempts.failures import Failure, Kind, of_run_task, of_stopped
from lanes.attempts.launch import Launch
from lanes.attempts.result_document import check_result
from lanes.attempts.retries import backoff
from lanes.attempts.steps import Found, Step, choose, first_step, next_step
from lanes.ecs.calls import AwsCalls, CallRefused
from lanes.ecs.logs import LogReader, LogTail
from lanes.ecs.poller import Description, EcsPoller

log = logging.getLogger(__name__)

# How long a request may wait for room before the attempt fails (Airflow's retries come on top).
CAPACITY_PATIENCE_SECONDS = 30 * 60.0
# ECS remembers a clientToken for 24 hours: until then the same request starts nothing twice without a look-up.
TOKEN_TRUSTED_SECONDS = 12 * 3600.0
# DescribeTasks may not know a task yet that RunTask has just started (eventual consistency).
UNKNOWN_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """How the attempt ended: `failure` None is success. `task` is the last description of the last container."""

    failure: Failure | None
    step: Step
    arn: str | None
    result_uri: str | None
    task: Description | None


class AttemptRun:
    """Start or find the container, watch it, bring its log, judge its end; again where AWS took it away."""

    def __init__(self, launch: Launch, calls: AwsCalls, poller: EcsPoller, logs: LogReader) -> None:
        self._launch = launch
        self._calls = calls
        self._poller = poller
        self._logs = logs
        self._given_up = False
        self._starting: asyncio.Task[str] | None = None
        self._tail: LogTail | None = None
        self._stop_asked = False
        self.arn: str | None = None
        self.result_uri = launch.result_uri

    async def run(self, *, look_first: bool) -> Outcome:
        step = first_step(self._launch)
        try:
            found = await self._look() if look_first else None
        except CallRefused as refused:  # who does not know what runs must not start anything
            return Outcome(refused.failure, step, None, None, None)
        if found:
            step, self.arn, self.result_uri = found.step, found.arn, found.result_uri
        while True:
            task = None
            try:
                if self.arn is None:
                    self._starting = asyncio.create_task(self._start(step))
                    self.arn = await asyncio.shield(self._starting)
                task = await self._watch(self.arn)
                failure = await self._verdict(task)
            except CallRefused as refused:
                failure = refused.failure
                if self.arn is not None:  # it can no longer be watched, and its task fails: nobody would stop it
                    await self._stop_task(self.arn, "it cannot be watched")
            following = next_step(self._launch, step, failure) if failure else None
            if following is None:
                return Outcome(failure, step, self.arn, self.result_uri, task)
            log.warning("%s; starting another container (size %s%s)", failure and failure.headline,
                        self._launch.sizes[following.size].name, ", Spot" if following.spot else "")  # fmt: skip
            step, self.arn, self.result_uri, self._stop_asked = following, None, self._launch.result_uri, False

    async def stop(self, cause: str) -> None:
        """Nobody wants the container any more: StopTask, also for one that is just being started."""
        self._given_up = True
        if self.arn is None and self._starting is not None:
            answered, _ = await asyncio.wait({self._starting}, timeout=30)
            if answered and self._starting.exception() is None:
                self.arn = self._starting.result()
        if self.arn is not None:
            await self._stop_task(self.arn, cause)

    @property
    def last_lines(self) -> list[str]:
        """The last lines that the last container wrote."""
        return list(self._tail.last_lines) if self._tail else []

    async def _look(self) -> Found | None:
        """The container of this task instance to go on with; others that still run are stopped."""
        arns: list[str] = []
        for status in ("RUNNING", "STOPPED"):
            answer = await self._calls.call(
                "ecs", "list_tasks", cluster=self._launch.cluster,
                startedBy=self._launch.attempt.started_by, desiredStatus=status,
            )  # fmt: skip
            arns += answer["taskArns"]
        described = [await self._poller.next(arn) for arn in arns]
        chosen, orphans = choose([Found.of(task, self._launch) for task in described if task], self._launch.attempt)
        for orphan in orphans:
            log.warning("container %s belongs to an attempt that is over: stopping it", orphan.arn)
            await self._stop_task(orphan.arn, "superseded")
        if chosen:
            log.info("going on with container %s (%s)", chosen.arn, "running" if chosen.running else "finished")
        return chosen

    async def _start(self, step: Step) -> str:
        """The ARN of the container for this step. Waits while AWS has no room."""
        request = self._launch.request(step.number, self._launch.sizes[step.size], spot=step.spot)
        begun, refusals = time.monotonic(), 0
        while True:
            try:
                answer = await self._calls.call("ecs", "run_task", **request)
                if answer.get("tasks"):
                    return self._started(answer["tasks"][0], step)
                failure = of_run_task(answer.get("failures", []))
            except CallRefused as refused:
                if arns := refused.already_started:
                    return arns[0]
                failure = refused.failure
            waited = time.monotonic() - begun
            if self._given_up or failure.kind is not Kind.CAPACITY or waited > CAPACITY_PATIENCE_SECONDS:
                raise CallRefused(failure)
            if step.spot and self._launch.capacity != "spot":
                raise CallRefused(failure)  # the next step is on demand
            refusals += 1
            log.warning("%s; asking again, for %d minutes at most", failure.headline, CAPACITY_PATIENCE_SECONDS // 60)
            await asyncio.sleep(backoff(refusals))

    def _started(self, task: Description, step: Step) -> str:
        size = self._launch.sizes[step.size]
        log.info(
            "container %s (size %s: %d CPU units, %d MiB, %d GiB disk%s)",
            task["taskArn"], size.name, size.cpu_units, size.memory_mib, size.storage_gib,
            ", Spot" if step.spot else "",
        )  # fmt: skip
        return str(task["taskArn"])

    async def _watch(self, arn: str) -> Description | None:
        """The description of the stopped task; None when ECS does not know it any more."""
        tail = self._tail = LogTail(self._launch.log_stream(arn))
        self._poller.watched += 1
        try:
            return await self._until_stopped(arn, tail)
        finally:
            self._poller.watched -= 1
            self._logs.leave(tail)

    async def _until_stopped(self, arn: str, tail: LogTail) -> Description | None:
        begun, status = time.monotonic(), ""
        while True:
            task = await self._poller.next(arn)
            if task is None and time.monotonic() - begun > UNKNOWN_PATIENCE_SECONDS:
                return None
            if task is None:
                continue
            if task["lastStatus"] != status:
                status = task["lastStatus"]
                log.info("container %s", status)
            if task.get("startedAt"):  # before that there is no log stream
                await self._bring_log(tail, task)
            if status == "STOPPED":
                return task
            await self._stop_when_late(task)

    async def _bring_log(self, tail: LogTail, task: Description) -> None:
        tail.begins(task.get("createdAt"))
        if task["lastStatus"] == "STOPPED":
            await self._logs.finish(tail)
        else:
            self._logs.follow(tail)
            await tail.show()

    async def _stop_when_late(self, task: Description) -> None:
        started = task.get("startedAt")
        if started is None or self._stop_asked or time.time() - started.timestamp() < self._launch.timeout_seconds:
            return
        log.error("container runs longer than %d s: stopping it", self._launch.timeout_seconds)
        await self._stop_task(task["taskArn"], f"timeout after {self._launch.timeout_seconds:.0f} s")

    async def _stop_task(self, arn: str, cause: str) -> None:
        self._stop_asked = True
        reason = self._launch.attempt.stop_reason(cause)
        try:
            await self._calls.call("ecs", "stop_task", cluster=self._launch.cluster, task=arn, reason=reason)
        except CallRefused as refused:
            log.error("container %s could not be stopped: %s", arn, refused)
        else:
            log.info("container %s told to stop (%s)", arn, cause)

    async def _verdict(self, task: Description | None) -> Failure | None:
        if task is None:
            lost = Failure(Kind.LOST, "ECS does not know the container any more, and it left no result document")
            return lost if self.result_uri is None or await check_result(self._calls, self.result_uri) else None
        failure = of_stopped(task, self._launch.container, self._launch.attempt.attempt_id)
        if failure is None and self.result_uri:
            return await check_result(self._calls, self.result_uri)
        return failure

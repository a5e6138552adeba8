"""One task from PROVISIONING to STOPPED. Everything here runs on the agent's thread.

Source: Amazon ECS Developer Guide, "Task lifecycle"; "Stopped tasks error codes" (TaskFailedToStart,
EssentialContainerExited, UserInitiated, SpotInterruption); "Graceful shutdowns" (SIGTERM, stopTimeout, SIGKILL).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import request_scope

from local.aws.ecs.launch import Launcher, Started
from local.aws.ecs.loop import Loop, Timer
from local.aws.ecs.output import Output
from local.aws.ecs.records import advance, want_stopped
from local.aws.ecs.runtime import Exit, StartError

logger = logging.getLogger("tasklane.agent")
Json = dict[str, Any]
_DEFAULT_STOP_SECONDS, _LONGEST_STOP_SECONDS = 30, 120
_MEMORY_REASON = "OutOfMemoryError: Container killed due to memory usage"


@dataclass
class _Running:
    """A started container, its output, and what the definition says about its end."""

    started: Started
    output: Output
    record: Json
    essential: bool
    stop_seconds: int
    ended: bool = False  # the process is gone: no signal reaches it any more
    recorded: bool = False  # its exit code and its last lines are written down
    kill_due: Timer | None = None


class TaskRun:
    """The state machine of one task."""

    def __init__(
        self,
        loop: Loop,
        launcher: Launcher,
        record: Json,
        definition: Json,
        scope: tuple[str, str],
        network: Json,
        on_change: Callable[["TaskRun"], None],
    ) -> None:
        self.record, self.scope, self._network = record, scope, network
        self.task_id = record["taskArn"].rsplit("/", 1)[-1]
        self._loop, self._launcher, self._definition, self._on_change = loop, launcher, definition, on_change
        self._containers: list[_Running] = []
        self._start_due: Timer | None = None

    def begin(self, latency_seconds: float) -> None:
        """Go to PENDING; containers start after the latency (image pull and network interface take that long)."""
        if self.record["desiredStatus"] == "STOPPED":
            self._finish()
            return
        advance(self.record, "PENDING")
        self._on_change(self)
        self._start_due = self._loop.later(latency_seconds, self._start_containers)

    def stop(self, code: str, reason: str) -> None:
        """Stop for a reason from outside: before the start at once, afterwards with SIGTERM and a time limit."""
        if self.record["desiredStatus"] == "STOPPED":
            return
        want_stopped(self.record, code, reason)
        self._wind_down()

    def alive(self) -> list[_Running]:
        """Containers whose process runs."""
        return [running for running in self._containers if not running.ended]

    def check_memory(self, running: _Running, sessions: dict[int, int]) -> None:
        """Kill a container that is over its limit; sessions: rough bytes per session."""
        limit = running.started.memory_mib << 20
        if sessions.get(running.started.container.process.pid, 0) <= limit:
            return
        exact = running.started.container.memory_bytes()
        if exact is not None and exact > limit:
            running.started.container.out_of_memory()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something to the task later; the task may have ended by then."""
        self._loop.later(seconds, action)

    def kill_for_memory(self) -> None:
        """The fault switch: the kernel kills the containers as if they were over their limit."""
        for running in self.alive():
            running.started.container.out_of_memory()

    def _start_containers(self) -> None:
        self._start_due = None
        with request_scope(*self.scope):
            for definition, record in zip(
                self._definition["containerDefinitions"], self.record["containers"], strict=True
            ):
                try:
                    self._start(definition, record)
                except StartError as error:
                    self._failed_to_start(record, str(error))
                    return
                except Exception as error:
                    logger.exception("task %s: the start failed", self.task_id)
                    self._failed_to_start(record, f"CannotCreateContainerError: {error}")
                    return
        advance(self.record, "RUNNING")
        self._on_change(self)

    def _start(self, definition: Json, record: Json) -> None:
        started = self._launcher.start(self.record, self._definition, definition, self._network)
        process = started.container.process
        assert process.stdout  # noqa: S101 - runtimes open it

        def write(events: list[tuple[int, str]]) -> None:
            if started.log:
                with request_scope(*self.scope):
                    started.log.put(events)

        output = Output(self._loop, process.stdout.fileno(), write, lambda: None)
        seconds = min(int(definition.get("stopTimeout") or _DEFAULT_STOP_SECONDS), _LONGEST_STOP_SECONDS)
        running = _Running(started, output, record, bool(definition.get("essential", True)), seconds)
        self._containers.append(running)
        record.update(lastStatus="RUNNING", runtimeId=f"{self.task_id}-{process.pid}")
        if started.image_digest:
            record["imageDigest"] = started.image_digest
        self._loop.on_exit(process, lambda: self._ended(running))

    def _failed_to_start(self, record: Json, reason: str) -> None:
        record["reason"] = reason
        want_stopped(self.record, "TaskFailedToStart", reason)
        self._wind_down()

    def _ended(self, running: _Running) -> None:
        running.ended = True
        if running.kill_due:
            running.kill_due.cancel()
        self._loop.offload(running.started.container.exit, lambda exit_: self._exited(running, exit_))

    def _exited(self, running: _Running, exit_: Exit) -> None:
        running.output.close()
        process = running.started.container.process
        assert process.stdout  # noqa: S101
        process.stdout.close()
        running.recorded = True
        running.record.update(lastStatus="STOPPED", exitCode=exit_.code)
        if exit_.out_of_memory:
            running.record["reason"] = _MEMORY_REASON
        if running.essential or all(other.recorded for other in self._containers):
            want_stopped(self.record, "EssentialContainerExited", "Essential container in task exited")
        if self.record["desiredStatus"] == "STOPPED":
            self._wind_down()

    def _wind_down(self) -> None:
        if self._start_due:
            self._start_due.cancel()
            self._start_due = None
        if all(running.recorded for running in self._containers):
            self._finish()
            return
        self.record["lastStatus"] = "STOPPING"
        for running in self.alive():
            if running.kill_due is None:
                running.started.container.terminate()
                running.kill_due = self._loop.later(running.stop_seconds, running.started.container.kill)

    def _finish(self) -> None:
        if self.record["lastStatus"] == "STOPPED":
            return
        for record in self.record["containers"]:
            record["lastStatus"] = "STOPPED"
        with request_scope(*self.scope):
            self._launcher.clean_up(self.task_id, [running.started for running in self._containers])
        advance(self.record, "STOPPED")
        self._on_change(self)

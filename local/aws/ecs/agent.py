"""The task agent: owns all running tasks, as the ECS agent on a Fargate host owns its containers."""

import secrets
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from ministack.core.responses import request_scope

from local.aws.ecs import state_events
from local.aws.ecs.launch import Launcher
from local.aws.ecs.loop import Loop
from local.aws.ecs.memory import CHECK_SECONDS, memory_by_session
from local.aws.ecs.task_run import TaskRun
from local.aws.ecs.task_store import TaskStore
from local.aws.faults.switch import FaultSwitch
from local.aws.leftovers import kill_marked
from local.aws.options import Options

Json = dict[str, Any]
Observer = Callable[[TaskRun], None]
_CLOSE_SECONDS = 5.0  # at the end of the emulator nobody waits for long stop timeouts
_SWEEP_SECONDS, _PRUNE_SECONDS = 1.0, 300.0


class Agent:
    """Starts, watches and stops tasks. Its methods may be called from any thread."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.mark = secrets.token_hex(8)
        self.loop = Loop()
        self._runs: dict[str, TaskRun] = {}
        self._ended: set[str] = set()
        self._closed = threading.Event()
        self._reaper = subprocess.Popen(
            [sys.executable, "-m", "local.aws.reaper", self.mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )

    def connect(self, launcher: Launcher, faults: FaultSwitch, store: TaskStore) -> None:
        """Give the agent what starts containers (made after it, because it needs the agent's mark)."""
        launcher.engine_used = self._tell_reaper
        self._launcher, self._faults, self._store = launcher, faults, store
        self.loop.submit(self._check_memory)
        self.loop.submit(self._prune)

    @property
    def closed(self) -> bool:
        """Whether the emulator is ending: nothing may be started any more."""
        return self._closed.is_set()

    @property
    def running(self) -> int:
        """Tasks that are not stopped."""
        return len(self._runs)

    def start(
        self, record: Json, definition: Json, scope: tuple[str, str], network: Json, observer: Observer | None = None
    ) -> TaskRun:
        """Run an accepted task. scope: account and Region; network: its place (network/origin.py).

        observer: a service that starts tasks of its own (Batch) and keeps their records; it is called at each change,
        on the agent's thread, in place of ECS's store and events.
        """
        run = TaskRun(
            self.loop,
            self._launcher,
            record,
            definition,
            scope,
            network,
            lambda run: self._on_change(run, observer or self._keep),
        )
        self._runs[record["taskArn"]] = run
        self.loop.submit(lambda: run.begin(self._faults.start_latency(record)))
        return run

    def stop(self, task_arn: str, code: str, reason: str) -> None:
        """Ask a task to stop; returns when its record says so. Unknown and stopped tasks are left alone."""

        def stopping() -> None:
            if run := self._runs.get(task_arn):
                run.stop(code, reason)

        self.on_loop(stopping)

    def on_loop(self, action: Callable[[], None]) -> None:
        """Do something on the agent's thread and wait for it. Not to be called on that thread."""
        done = threading.Event()

        def acting() -> None:
            try:
                action()
            finally:
                done.set()

        self.loop.submit(acting)
        done.wait()

    def tell(self, task_arn: str, action: Callable[[TaskRun], None]) -> None:
        """Run an action on a task's run, on the agent's thread."""

        def telling() -> None:
            if run := self._runs.get(task_arn):
                action(run)

        self.loop.submit(telling)

    def records(self) -> list[Json]:
        """Records of the tasks that are not stopped."""
        return [run.record for run in list(self._runs.values())]

    def close(self) -> None:
        """Stop every task; returns when no process and no container is left. Safe to call twice."""
        if self._closed.is_set():
            return
        self._closed.set()
        self.loop.submit(lambda: self.loop.later(_CLOSE_SECONDS, self._kill_all))
        for task_arn in list(self._runs):
            self.stop(task_arn, "ServiceSchedulerInitiated", "The local AWS is shutting down")
        waiting = threading.Event()

        def wait_for_tasks() -> None:
            if self._runs:
                self.loop.later(0.02, wait_for_tasks)
            else:
                waiting.set()

        self.loop.submit(wait_for_tasks)
        waiting.wait()
        self.loop.stop()
        assert self._reaper.stdin  # noqa: S101 - opened above
        self._reaper.stdin.close()
        self._reaper.wait()

    def _kill_all(self) -> None:
        for run in list(self._runs.values()):
            for running in run.alive():
                running.started.container.kill()

    def _keep(self, run: TaskRun) -> None:
        """Save a task of ECS and tell EventBridge."""
        if run.record["lastStatus"] != "PENDING":
            with request_scope(*run.scope):
                self._store.save(run.record)
        if state_events.wanted(run.scope):
            self.loop.offload(lambda: state_events.publish(run.record, run.scope), lambda _: None)

    def _on_change(self, run: TaskRun, observer: Observer) -> None:
        if run.record["lastStatus"] == "STOPPED":
            self._runs.pop(run.record["taskArn"], None)
        observer(run)
        if run.record["lastStatus"] == "RUNNING":
            self._faults.task_runs(run.record)
        if run.record["lastStatus"] != "STOPPED":
            return
        if not self._ended:
            self.loop.later(_SWEEP_SECONDS, self._sweep)
        self._ended.add(run.task_id)

    def _sweep(self) -> None:
        """Kill what ended tasks left running outside their process group (a daemon with a session of its own)."""
        ended, self._ended = self._ended, set()
        self.loop.offload(lambda: kill_marked(self.mark, ended), lambda _: None)

    def _prune(self) -> None:
        self.loop.offload(self._store.prune, lambda _: None)
        self.loop.later(_PRUNE_SECONDS, self._prune)

    def _check_memory(self) -> None:
        limited = [(run, container) for run in self._runs.values() for container in run.alive()]
        if limited:
            sessions = memory_by_session()
            for run, container in limited:
                with request_scope(*run.scope):
                    run.check_memory(container, sessions)
        self.loop.later(CHECK_SECONDS, self._check_memory)

    def _tell_reaper(self, engine: str) -> None:
        assert self._reaper.stdin  # noqa: S101 - opened above
        self._reaper.stdin.write(engine + "\n")
        self._reaper.stdin.flush()

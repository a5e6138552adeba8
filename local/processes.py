"""Starting and stopping the processes of a local environment, so that none outlives it."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from local.state import MARKER

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class LocalError(Exception):
    """Something a person can act on; shown as one line, without a traceback."""


@dataclass
class Service:
    """One long-running process with its log file."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_seconds: float = 20.0

    def check(self) -> None:
        """LocalError with the end of the log when the process is no longer there."""
        code = self.process.poll()
        if code is not None:
            ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise LocalError(f"{self.name} {ended}; the end of {self.log}:\n{tail(self.log)}")

    def stop(self) -> None:
        """SIGTERM to the process, then SIGKILL to its whole session; returns when it is gone."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):  # the kill below is the answer
                self.process.wait(self.stop_seconds)
        left = _session(self.process.pid)
        for process in left:
            with_signal(process.pid, signal.SIGKILL)
        psutil.wait_procs(left, timeout=5)
        self.process.wait()


def start(
    name: str, argv: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path, user: int | None = None
) -> Service:
    """Start a service in a session of its own; the kernel sends it SIGTERM should this process die, however it dies.

    Call it from the main thread: the kernel means the *thread* that started the process (prctl(2), PR_SET_PDEATHSIG).
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            user=user,
            group=user,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    return Service(name, process, log)


def run(
    name: str, argv: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path, user: int | None = None
) -> None:
    """Run a command to its end; LocalError with the end of its log when it fails."""
    service = start(name, argv, log=log, env=env, cwd=cwd, user=user)
    try:
        code = service.process.wait()
    except BaseException:
        service.stop()
        raise
    if code:
        raise LocalError(f"{name} failed with exit code {code}; the end of {log}:\n{tail(log)}")


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, indented."""
    try:
        content = log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        content = ["(no log)"]
    return "\n".join(f"    {line}" for line in content)


def sweep(folder: Path, keep: frozenset[int] = frozenset()) -> int:
    """Kill what an earlier crash left of the environment in `folder` (found by its marker); returns how many."""
    found = []
    for process in psutil.process_iter():
        try:
            marked = process.environ().get(MARKER) == str(folder)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if marked and process.pid not in keep and process.pid != os.getpid():
            found.append(process)
    for process in found:
        with_signal(process.pid, signal.SIGTERM)
    _, alive = psutil.wait_procs(found, timeout=10)
    for process in alive:
        with_signal(process.pid, signal.SIGKILL)
    return len(found)


def with_signal(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def wait_until(what: str, ready: Callable[[], bool], *, services: Sequence[Service], seconds: float) -> None:
    """Poll `ready()`; LocalError when a service dies meanwhile or time is up."""
    until = time.monotonic() + seconds
    while not ready():
        for service in services:
            service.check()
        if time.monotonic() > until:
            log = services[-1].log if services else None
            hint = f"; the end of {log}:\n{tail(log)}" if log else ""
            raise LocalError(f"{what} was not ready within {seconds:.0f} s{hint}")
        time.sleep(0.2)


def _session(leader: int) -> list[psutil.Process]:
    members = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                members.append(process)
        except ProcessLookupError:
            continue
    return members


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

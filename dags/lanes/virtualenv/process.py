"""A program in a process group of its own: its lines as they come, its end within a time limit, nothing left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lanes.virtualenv.lifeline import Lifeline
from lanes.virtualenv.memory import MemoryWatch

TAIL_LINES, LONGEST_LINE = 400, 16384
_PR_SET_PDEATHSIG = 1
_END = None


@dataclass(frozen=True)
class Finished:
    """`exit_code` as subprocess has it: negative for a signal. `tail`: the last lines.

    `most_memory_mib` of the program and what it started, as seen several times a second (0: not seen). Not getrusage's
    ru_maxrss: a child begins with its parent's, so that each program would seem to need what Airflow's worker has.
    """

    exit_code: int
    timed_out: bool
    seconds: float
    cpu_seconds: float
    most_memory_mib: float
    tail: tuple[str, ...]


class Program:
    """One run; `stop` may be called from a signal handler."""

    def __init__(self, argv: list[str], environment: Mapping[str, str], folder: Path, grace_seconds: float) -> None:
        self._argv, self._environment, self._folder = argv, dict(environment), folder
        self._grace = grace_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._memory = MemoryWatch()

    def run(self, on_line: Callable[[str], None], timeout_seconds: float) -> Finished:
        """Start it and wait; `on_line` is called in this thread."""
        begun, tail, lines = time.monotonic(), deque[str](maxlen=TAIL_LINES), queue.Queue[str | None](10_000)
        with (
            Lifeline() as lifeline,
            subprocess.Popen(
                self._argv,
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=partial(_as_a_guest, lifeline),
            ) as self._process,
        ):
            reader = threading.Thread(target=self._read, args=(lines,), daemon=True)
            reader.start()
            try:
                code, usage, timed_out = self._wait(begun + timeout_seconds, lines, tail, on_line)
            finally:
                self._kill(signal.SIGKILL)  # whatever it started
            for line in self._rest(lines):
                tail.append(line)
                on_line(line)
        seconds = time.monotonic() - begun
        return Finished(code, timed_out, seconds, usage.ru_utime + usage.ru_stime, self._memory.most_mib, tuple(tail))

    def stop(self) -> None:
        """SIGTERM to the group, SIGKILL after the grace period."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        self._kill(signal.SIGTERM)
        until = time.monotonic() + self._grace
        while time.monotonic() < until and _is_alive(process.pid):
            time.sleep(0.05)
        self._kill(signal.SIGKILL)

    def _wait(
        self, deadline: float, lines: queue.Queue[str | None], tail: deque[str], on_line: Callable[[str], None]
    ) -> tuple[int, os.struct_rusage, bool]:  # type: ignore[name-defined]
        assert self._process is not None  # noqa: S101 (run has started it)
        timed_out = False
        while True:
            self._memory.look(self._process.pid)
            with contextlib.suppress(queue.Empty):
                if (line := lines.get(timeout=0.1)) is _END:  # it may have closed its output and go on
                    lines.put(_END)
                    time.sleep(0.1)
                else:
                    tail.append(line)
                    on_line(line)
                    if not lines.empty() and time.monotonic() < deadline:
                        continue
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                return self._process.returncode, usage, timed_out
            if time.monotonic() >= deadline and not timed_out:
                timed_out = True
                self.stop()

    def _read(self, lines: queue.Queue[str | None]) -> None:
        assert self._process is not None  # noqa: S101 (run has started it)
        assert self._process.stdout is not None  # noqa: S101 (a pipe)
        for line in iter(lambda: self._process.stdout.readline(LONGEST_LINE), b""):  # type: ignore[union-attr]
            lines.put(line.decode("utf-8", "replace").rstrip("\r\n"))
        lines.put(_END)

    def _rest(self, lines: queue.Queue[str | None]) -> list[str]:
        """What was written before the end; the pipe closes with the last process of the group."""
        found = []
        with contextlib.suppress(queue.Empty):
            while (line := lines.get(timeout=5)) is not _END:
                found.append(line)
        return found

    def _kill(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def _is_alive(pid: int) -> bool:
    """Not a zombie either: `run` reaps it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _as_a_guest(lifeline: Lifeline) -> None:
    """In the child: dies with the Airflow task, and is the first to go when the worker runs out of memory."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    lifeline.watch()

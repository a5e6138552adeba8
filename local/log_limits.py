"""Keeps what a local environment writes in bounds: it may be left up for days.

Services write to files that they inherited and never open again, so a full file is copied and emptied in place; they
append, so the next line is its first. Logs of tasks go by age once there are too many of them.
"""

import shutil
import time
from pathlib import Path

MOST_BYTES = 16 << 20  # of a service's log; one older copy of the same size is kept beside it
MOST_CALLS_BYTES = 64 << 20  # of the record of authorised calls
MOST_TASK_LOG_BYTES = 128 << 20
KEPT_SECONDS = 600.0  # a task's log is never taken away while it may still be written
EVERY_SECONDS = 60.0


class LogLimits:
    """Looks after one folder of logs; `keep` may be called as often as one likes."""

    def __init__(self, logs: Path) -> None:
        self._logs, self._next = logs, 0.0

    def keep(self) -> None:
        """Enforce the limits, at most once a minute."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_SECONDS
        for log in [*self._logs.glob("*.log"), *self._logs.glob("*.jsonl")]:
            rotate(log, MOST_BYTES if log.suffix == ".log" else MOST_CALLS_BYTES)
        remove_oldest(self._logs / "tasks", MOST_TASK_LOG_BYTES, time.time() - KEPT_SECONDS)


def rotate(log: Path, most_bytes: int) -> bool:
    """Copy a log that has grown too large to `<name>.1` and empty it; whether that was so.

    What is written between copy and cut is lost: a few lines of megabytes.
    """
    if log.stat().st_size <= most_bytes:
        return False
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    with log.open("r+b") as file:
        file.truncate(0)
    return True


def remove_oldest(folder: Path, most_bytes: int, before: float) -> int:
    """Delete the oldest files that were last written `before`, until the rest fits; returns how many."""
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime)
    total, removed = sum(path.stat().st_size for path in files), 0
    for path in files:
        if total <= most_bytes or path.stat().st_mtime > before:
            break
        total -= path.stat().st_size
        path.unlink()
        removed += 1
    return removed

"""How much memory a program and what it started have, from /proc (Linux)."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

EVERY_SECONDS = 0.2


class MemoryWatch:
    """The most that was seen; `look` may be called as often as one likes."""

    def __init__(self) -> None:
        self.most_mib = 0.0
        self._next = 0.0

    def look(self, pid: int) -> None:
        """The peak of the process itself as the kernel keeps it, or all of the family now, whichever is more."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_SECONDS
        together = sum(_mib(each, "VmRSS") for each in family(pid))
        self.most_mib = max(self.most_mib, _mib(pid, "VmHWM"), together)


def family(pid: int) -> list[int]:
    """The process, its children and theirs."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def _mib(pid: int, name: str) -> float:
    """0 for a process that has gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    return 0.0

"""Memory, file handles and disk of a local environment over time, and how steeply they rise."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from local.state import MARKER, State

MIB = 1 << 20
# The local AWS holds what is stored in it (objects, log events) in memory too, and its server keeps a connection that
# the client has closed until the keep-alive time is over: neither is a leak, and both follow the load.
EMULATOR = "emulator, but for its objects and connections"
# A process is long-lived when it is there from the first third of the measurements to the last one.
_LONG = 0.6
WARM_UP = 0.35  # caches fill and workers are forked; the slope is taken after that


@dataclass(frozen=True)
class Sample:
    seconds: float
    rss_mib: float
    handles: int


@dataclass
class Series:
    """One process. `name` tells what it is to a person."""

    name: str
    samples: list[Sample] = field(default_factory=list)

    @property
    def calm(self) -> list[Sample]:
        return self.samples[int(len(self.samples) * WARM_UP) :]

    def slope(self, what: str) -> float:
        """Least squares over the calm part, per hour."""
        return 3600 * slope([(one.seconds, getattr(one, what)) for one in self.calm])


def slope(points: list[tuple[float, float]]) -> float:
    """Of the line through (x, y) with the least squares; 0 for fewer than two different x."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


class Meter:
    """Measures every process of the environment."""

    def __init__(self, state: Path) -> None:
        self._state, self._begun = state, time.monotonic()
        self._series: dict[tuple[int, float], Series] = {}
        self.disk: list[tuple[float, dict[str, float]]] = []
        self.times = 0

    def measure(self) -> None:
        seconds = time.monotonic() - self._begun
        self.times += 1
        disk = disk_mib(self._state)
        for process in self._processes():
            try:
                key, name = (process.pid, process.create_time()), _name(process)
                # Resident, not proportional: a process that forks would seem to shrink while its children are there.
                mib, handles = process.memory_info().rss / MIB, process.num_fds()
                if name == EMULATOR:
                    mib -= disk.get("aws", 0.0)
                    handles -= len(process.net_connections("tcp"))
                self._series.setdefault(key, Series(name)).samples.append(Sample(seconds, mib, handles))
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        self.disk.append((seconds, disk))

    def _processes(self) -> list[psutil.Process]:
        """Those that the supervisor has started, and theirs; by the marker, those whose parent is gone.

        Not by the marker alone: a process that sets its own title overwrites what others see of its environment.
        """
        state = State.load(self._state)
        supervisor = psutil.Process(state.supervisor_pid) if state else None
        family = [supervisor, *supervisor.children(recursive=True)] if supervisor else []
        known = {process.pid for process in family}
        return family + [p for p in psutil.process_iter() if p.pid not in known and self._is_marked(p)]

    def _is_marked(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARKER) == str(self._state)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            return False

    def long_lived(self) -> list[Series]:
        enough = self.times * _LONG
        return sorted((s for s in self._series.values() if len(s.samples) >= enough), key=lambda s: s.name)

    def short_lived(self) -> dict[str, int]:
        """How many processes came and went, by name."""
        found: dict[str, int] = defaultdict(int)
        for series in self._series.values():
            if len(series.samples) < self.times * _LONG:
                found[series.name] += 1
        return dict(found)


def disk_mib(state: Path) -> dict[str, float]:
    """By folder of the environment."""
    found: dict[str, float] = defaultdict(float)
    for path in state.rglob("*"):
        try:
            if path.is_file() and not path.is_symlink():
                found[path.relative_to(state).parts[0]] += path.stat().st_size / MIB
        except OSError:
            continue
    return dict(found)


def _name(process: psutil.Process) -> str:
    """`airflow scheduler`, `emulator`, …: from the command line, without folders and settings."""
    words = [word for word in process.cmdline() if word]
    line = " ".join(words)
    for mark, name in (
        ("local.aws.reaper", "emulator's reaper"),
        ("local.aws", EMULATOR),
        ("dag_sync.py", "dag-sync"),
        ("-m local supervise", "supervisor"),
    ):
        if mark in line:
            return name
    if "postgres" in line:
        return "postgres " + line.partition("postgres: ")[2].split(" ")[0] if "postgres: " in line else "postgres"
    if "airflow" in line:
        known = ("api-server", "api_server", "scheduler", "dag-processor", "triggerer", "LocalExecutor", "worker")
        return "airflow " + next((part for part in known if part in line), "process")
    return Path(words[0]).name if words else "?"

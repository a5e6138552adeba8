"""What a run costs: CPU seconds and memory of Airflow's processes and PostgreSQL, and database statements."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from local.postgres import connection
from tests.faults.world import World

# Every finished statement becomes one short line of PostgreSQL's log.
_LOG_STATEMENTS = """
import sys, psycopg2
server = psycopg2.connect(sys.argv[1])
server.autocommit = True
server.cursor().execute("alter system set log_duration = on")
server.cursor().execute("select pg_reload_conf()")
"""
_STATEMENT = b" duration: "


def count_statements(world: World) -> None:
    """From now on a Meter can count; asked with Airflow's own driver."""
    url = connection(world.state).replace("+psycopg2", "")
    subprocess.run([str(world.python), "-c", _LOG_STATEMENTS, url], check=True, timeout=60)


@dataclass
class Reading:
    """CPU seconds by service, the emulator's (containers too), the whole machine's of how many it had, statements."""

    cpu_seconds: dict[str, float]
    emulator_seconds: float
    busy_seconds: float
    all_seconds: float
    statements: int

    def since(self, earlier: Reading) -> Reading:
        cpu = {name: seconds - earlier.cpu_seconds[name] for name, seconds in self.cpu_seconds.items()}
        busy, of_all = self.busy_seconds - earlier.busy_seconds, self.all_seconds - earlier.all_seconds
        emulator = self.emulator_seconds - earlier.emulator_seconds
        return Reading(cpu, emulator, busy, of_all, self.statements - earlier.statements)


class Meter:
    """`counted` services and everything they start, finished processes included (their parents wait for them)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._names = [name for name in world.services if name != "emulator"]
        self._log = _Lines(world.state.logs / "postgres.log")
        self.peak_mib = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch_memory, daemon=True)

    def __enter__(self) -> Meter:
        self._begun = self._read()
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()
        self.used = self._read().since(self._begun)

    def _processes(self, name: str) -> list[psutil.Process]:
        root = psutil.Process(self._world.services[name].process.pid)
        return [root, *root.children(recursive=True)]

    def _read(self) -> Reading:
        machine = psutil.cpu_times()
        idle, of_all = machine.idle + machine.iowait, sum(machine[:8])
        cpu = {name: self._cpu(name) for name in self._names}
        return Reading(cpu, self._cpu("emulator"), of_all - idle, of_all, self._log.count())

    def _cpu(self, name: str) -> float:
        seconds = 0.0
        for process in self._processes(name):
            try:
                seconds += sum(process.cpu_times()[:4])  # user, system, and those of children that ended
            except psutil.NoSuchProcess:
                continue
        return seconds

    def _watch_memory(self) -> None:
        while not self._stop.wait(3):
            processes = [process for name in self._names for process in self._processes(name)]
            self.peak_mib = max(self.peak_mib, sum(_pss_kib(process.pid) for process in processes) / 1024)


def _pss_kib(pid: int) -> int:
    """The kernel's own sum: adding up every mapping would cost more than what we measure."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


class _Lines:
    """How many statements a growing log has told of."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset, self._seen = path, 0, 0

    def count(self) -> int:
        with self._path.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                self._seen += _STATEMENT in line
            self._offset = log.tell()
        return self._seen

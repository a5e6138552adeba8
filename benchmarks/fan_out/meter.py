"""What a run costs: CPU seconds and memory of Airflow's processes and PostgreSQL, and database transactions."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass
from typing import Any

import psutil

from local.postgres import connection
from tests.faults.world import World

_QUERY = """
import sys, psycopg2
cursor = psycopg2.connect(sys.argv[1]).cursor()
cursor.execute("select sum(xact_commit + xact_rollback) from pg_stat_database")
print(int(cursor.fetchone()[0]))
"""


@dataclass
class Reading:
    cpu_seconds: float
    transactions: int


class Meter:
    """`counted` services and everything they start, finished processes included (their parents wait for them)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._names = [name for name in world.services if name != "emulator"]
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
        ended = self._read()
        self.used = Reading(ended.cpu_seconds - self._begun.cpu_seconds, ended.transactions - self._begun.transactions)

    def _processes(self) -> list[psutil.Process]:
        found = []
        for name in self._names:
            root = psutil.Process(self._world.services[name].process.pid)
            found += [root, *root.children(recursive=True)]
        return found

    def _read(self) -> Reading:
        seconds = 0.0
        for process in self._processes():
            try:
                seconds += sum(process.cpu_times()[:4])  # user, system, and those of children that ended
            except psutil.NoSuchProcess:
                continue
        return Reading(seconds, self._transactions())

    def _transactions(self) -> int:
        """Committed and rolled back so far (pg_stat_database); asked with Airflow's own driver."""
        url = connection(self._world.state).replace("+psycopg2", "")
        done = subprocess.run(
            [str(self._world.python), "-c", _QUERY, url], capture_output=True, text=True, check=True, timeout=60
        )
        return int(done.stdout)

    def _watch_memory(self) -> None:
        while not self._stop.wait(2):
            total = 0
            for process in self._processes():
                try:
                    total += process.memory_full_info().pss
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
            self.peak_mib = max(self.peak_mib, total / 1024**2)

"""What must survive even a kill of the emulator, written at once: tasks, client tokens, credentials of services.

One line of JSON per fact, appended to a private file; the last fact about a thing counts. At a start the file is read
and written anew with what still holds. The larger state of the services is saved by snapshots.py.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

Json = dict[str, Any]
Restore = Callable[[str, Json], None]
Holds = Callable[[str, Json], bool]
_COMPACT_BYTES = 32 << 20


class Journal:
    """Facts by kind and key."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, Lock()
        self._kinds: dict[str, tuple[Restore, Holds]] = {}
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def register(self, kind: str, restore: Restore, holds: Holds) -> None:
        """Who takes back facts of a kind after a restart, and which facts (after that) need not be kept any longer."""
        self._kinds[kind] = (restore, holds)

    def write(self, kind: str, key: str, fact: Json) -> None:
        """Append a fact. The operating system keeps it when this process is killed."""
        line = json.dumps([kind, key, fact], default=str).encode() + b"\n"
        with self._lock:
            os.write(self._file, line)

    def restore(self) -> None:
        """Give every last fact to its restorer; keep those that still hold."""
        with self._lock:
            facts = self._last_facts()
            for (kind, key), fact in facts.items():
                self._kinds[kind][0](key, fact)
            self._rewrite(facts)

    def compact(self) -> None:
        """Write a file that has grown anew, with what still holds."""
        if self._path.stat().st_size > _COMPACT_BYTES:
            with self._lock:
                self._rewrite(self._last_facts())

    def _last_facts(self) -> dict[tuple[str, str], Json]:
        facts: dict[tuple[str, str], Json] = {}
        for line in self._path.read_bytes().splitlines():
            try:
                kind, key, fact = json.loads(line)
            except ValueError:  # the last line of a killed process may be cut off
                continue
            if kind in self._kinds:
                facts[kind, key] = fact
        return facts

    def _rewrite(self, facts: dict[tuple[str, str], Json]) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        with fresh.open("w") as file:
            for (kind, key), fact in facts.items():
                if self._kinds[kind][1](key, fact):
                    file.write(json.dumps([kind, key, fact]) + "\n")
        os.close(self._file)
        fresh.replace(self._path)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)

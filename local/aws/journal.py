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
Restore = Callable[[str, Json], bool]  # (key, fact) -> whether it still holds


class Journal:
    """Facts by kind and key."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, Lock()
        self._restorers: dict[str, Restore] = {}
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def on_restore(self, kind: str, restore: Restore) -> None:
        """Who takes back facts of a kind."""
        self._restorers[kind] = restore

    def write(self, kind: str, key: str, fact: Json) -> None:
        """Append a fact. The operating system keeps it when this process is killed."""
        line = json.dumps([kind, key, fact], default=str).encode() + b"\n"
        with self._lock:
            os.write(self._file, line)

    def restore(self) -> None:
        """Give every last fact to its restorer; keep those that still hold."""
        facts: dict[tuple[str, str], Json] = {}
        for line in self._path.read_bytes().splitlines():
            try:
                kind, key, fact = json.loads(line)
            except ValueError:  # the last line of a killed process may be cut off
                continue
            facts[kind, key] = fact
        kept = [
            [kind, key, fact]
            for (kind, key), fact in facts.items()
            if kind in self._restorers and self._restorers[kind](key, fact)
        ]
        fresh = self._path.with_suffix(".new")
        with self._lock:
            os.close(self._file)
            fresh.touch(mode=0o600)
            fresh.write_text("".join(json.dumps(one) + "\n" for one in kept))
            fresh.replace(self._path)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)

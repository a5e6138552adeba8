"""Environments on the worker's disk: built once under a lock, renamed into place, the least used removed.

A worker runs several tasks at a time, each in a process of its own: a lock file per environment is all they share.
Whoever uses an environment holds its lock shared, whoever builds or removes it holds it alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# A worker of MWAA has some 10 GB of disk for everything.
MOST_BYTES = 3 * 1024**3
# Installed, a wheel takes about four times its size; both lie there while an environment is built.
GROWTH, SPARE_BYTES = 5, 256 * 1024**2


class NoRoom(RuntimeError):
    """The worker's disk has no room for another environment."""


@dataclass(frozen=True)
class Ready:
    """An environment that stays as long as it is used; `build_seconds` is 0 for one that was there."""

    path: Path
    build_seconds: float


class Environments:
    """All environments below `root`, together at most `most_bytes` and those that are in use.

    `root` is TASKLANE_VIRTUALENVS, else a folder for temporary files.
    """

    def __init__(self, root: Path | None = None, most_bytes: int = MOST_BYTES) -> None:
        given = os.environ.get("TASKLANE_VIRTUALENVS")
        self.root = root or Path(given or f"{tempfile.gettempdir()}/tasklane-virtualenvs-{os.getuid()}")
        self._most_bytes = most_bytes

    @contextmanager
    def use(self, key: str, download_bytes: int, build: Callable[[Path], None]) -> Iterator[Ready]:
        """The environment `key`; `build(folder)` makes it if it is not there. Raises NoRoom and what `build` raises."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.root.stat().st_uid != os.getuid():
            raise NoRoom(f"{self.root} belongs to another user")
        path, seconds = self.root / key, 0.0
        with (self.root / f"{key}.lock").open("w") as lock:
            while True:
                fcntl.flock(lock, fcntl.LOCK_SH)
                if path.exists():
                    break
                fcntl.flock(lock, fcntl.LOCK_EX)  # not at once: another may have built it in between
                if not path.exists():
                    begun = time.monotonic()
                    self._build(path, download_bytes, build)
                    seconds = time.monotonic() - begun
            os.utime(path)
            yield Ready(path, seconds)

    def _build(self, path: Path, download_bytes: int, build: Callable[[Path], None]) -> None:
        folder = path.with_suffix(".building")
        shutil.rmtree(folder, ignore_errors=True)  # of a builder that was killed: we hold its lock
        needed = download_bytes * GROWTH
        self._make_room(needed)
        free = shutil.disk_usage(self.root).free
        if free < needed + SPARE_BYTES:
            raise NoRoom(
                f"{self.root} has {free // 1024**2} MiB free and {path.name} needs about {needed // 1024**2} MiB: "
                f"give the task a container (lane fargate), or fewer requirements"
            )
        try:
            folder.mkdir()
            build(folder)
            folder.rename(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _make_room(self, needed: int) -> None:
        """Remove the least recently used that nobody uses, until `needed` bytes more fit the limit."""
        found = [path for path in self.root.iterdir() if path.is_dir() and not path.suffix]
        sizes = {path: size_of(path) for path in found}
        for path in sorted(found, key=lambda path: path.stat().st_mtime):
            if sum(sizes.values()) + needed <= self._most_bytes:
                return
            if self._remove(path):
                del sizes[path]

    def _remove(self, path: Path) -> bool:
        with path.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            doomed = path.with_suffix(".building")
            path.rename(doomed)  # nobody finds it half removed
            shutil.rmtree(doomed)
            return True


def size_of(folder: Path) -> int:
    """Bytes of all files below the folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())

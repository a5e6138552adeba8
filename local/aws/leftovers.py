"""Finding and ending what tasks left running: processes by the mark in their environment, containers by their label."""

import os
import subprocess
import time

import psutil

MARK_VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
_ROUNDS, _PAUSE_SECONDS = 100, 0.05


def marked(mark: str) -> list[tuple[psutil.Process, str]]:
    """Living processes whose environment carries the mark, with the value it stands in (it names the task)."""
    found = []
    for process in psutil.process_iter():
        try:
            value = process.environ().get(MARK_VARIABLE, "")
            if mark in value and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append((process, value))
        except (psutil.Error, OSError):  # it ended meanwhile, or is not ours
            continue
    return found


def kill_marked(mark: str, tasks: set[str] | None = None) -> int:
    """Kill them (of some tasks only) until none is left, as one may fork meanwhile. Returns how many remain."""
    for _ in range(_ROUNDS):
        remaining = [process for process, value in marked(mark) if tasks is None or any(map(value.__contains__, tasks))]
        if not remaining:
            return 0
        for process in remaining:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        time.sleep(_PAUSE_SECONDS)
    return len(remaining)


def remove_containers(engine: str, mark: str) -> None:
    """Remove an engine's containers with our label, running or not."""
    listed = subprocess.run(
        [engine, "ps", "-aq", "--filter", f"label=tasklane.emulator={mark}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    identifiers = listed.stdout.split()
    if identifiers:
        subprocess.run([engine, "rm", "-f", *identifiers], capture_output=True, timeout=120, check=False)

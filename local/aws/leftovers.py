"""Finding and ending what tasks left running: processes by the mark in their environment, containers by their label."""

import os
import subprocess
import time

import psutil

MARK_VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
_ROUNDS, _PAUSE_SECONDS = 100, 0.05


def marked(mark: str, *, task: str = "") -> list[psutil.Process]:
    """Processes whose environment carries the mark (and a task's id)."""
    found = []
    for process in psutil.process_iter():
        try:
            value = process.environ().get(MARK_VARIABLE, "")
        except (psutil.Error, OSError):
            continue
        if mark in value and task in value and process.pid != os.getpid():
            found.append(process)
    return found


def kill_marked(mark: str, *, task: str = "") -> int:
    """Kill them until none is left (a process may fork while we look). Returns how many remain."""
    remaining: list[psutil.Process] = []
    for _ in range(_ROUNDS):
        remaining = [process for process in marked(mark, task=task) if process.status() != psutil.STATUS_ZOMBIE]
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

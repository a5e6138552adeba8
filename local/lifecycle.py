"""Bringing a local environment up and down from the outside: the supervisor is a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from local.events import Events
from local.postgres import remove_data
from local.processes import LocalError, sweep, with_signal
from local.state import ROOT, State, free_ports, port_is_free

NEEDED_MIB = 2500  # measured: databases, logs and the synthesized templates of one demo take about 400 MiB


def running(folder: Path) -> State | None:
    """The environment that runs in `folder`, or None. A state file whose supervisor is gone counts for nothing."""
    state = State.load(folder)
    if state is None or not psutil.pid_exists(state.supervisor_pid):
        return None
    return state


def new_state(folder: Path, ports: dict[str, int | None]) -> State:
    """Choose ports (given ones must be free). LocalError names the port that is taken, or the lack of disk."""
    for name, port in ports.items():
        if port is not None and not port_is_free(port):
            raise LocalError(
                f"--{name}: port {port} is taken on 127.0.0.1; give another one, or none to take a free one"
            )
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free // 1024**2
    if free < NEEDED_MIB:
        raise LocalError(f"{folder}: {free} MiB free, {NEEDED_MIB} MiB needed; free some disk space")
    chosen = iter(free_ports(3))
    emulator, airflow, postgres = (next(chosen) for _ in range(3))
    return State(
        folder=folder,
        emulator_port=ports.get("emulator-port") or emulator,
        airflow_port=ports.get("airflow-port") or airflow,
        postgres_port=postgres,
    )


def spawn(state: State, *, owner: int | None) -> subprocess.Popen[bytes]:
    """Start the supervisor in the background; with `owner` it ends when that process does."""
    shutil.rmtree(state.folder / "logs", ignore_errors=True)
    (state.folder / "events.jsonl").unlink(missing_ok=True)
    Events(state.folder)
    state.save()
    argv = [sys.executable, "-m", "local", "supervise", "--state", str(state.folder)]
    argv += ["--owner", str(owner)] if owner is not None else []
    with (state.folder / "supervisor.log").open("wb") as log:
        return subprocess.Popen(
            argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def down(folder: Path, *, keep_data: bool = False, seconds: float = 60.0) -> bool:
    """Stop the environment in `folder` and what an earlier crash left of it. Returns whether anything ran."""
    state = State.load(folder)
    found = False
    if state is not None and state.supervisor_pid and psutil.pid_exists(state.supervisor_pid):
        found = True
        with_signal(state.supervisor_pid, signal.SIGTERM)
        until = time.monotonic() + seconds
        while psutil.pid_exists(state.supervisor_pid) and time.monotonic() < until:
            if _is_zombie(state.supervisor_pid):
                break
            time.sleep(0.1)
    found = bool(sweep(folder, keep=frozenset({os.getpid()}))) or found
    if state is not None:
        if not keep_data:
            remove_data(state)
        state.forget()
    if not keep_data:
        for name in ("aws", "airflow"):
            shutil.rmtree(folder / name, ignore_errors=True)
    return found


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True

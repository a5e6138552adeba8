"""A world with the fan-out DAGs and the plugins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from local.state import ROOT, State
from tests.faults.fan_out.fan_dags import FAN_DAGS
from tests.faults.world import World

SETTINGS = {
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "False",
    # Airflow waits five minutes before it gives up a task whose host died; the test should not.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    # What a killed scheduler had queued is found by its successor in this rhythm (default: five minutes as well).
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
}


@contextmanager
def fan_out_world(
    folder: Path, version: str, settings: dict[str, str] | None = None, state: type[State] = State
) -> Iterator[World]:
    """Running until the block ends; `settings` of Airflow come on top of SETTINGS."""
    world = World(folder, version, FAN_DAGS, SETTINGS | (settings or {}))
    world.state = state(**asdict(world.state))
    try:
        world.start_emulator()
        world.deploy()
        world.start_airflow()
        yield world
    finally:
        world.close()

"""A world with the fan-out DAGs and the plugins. FAULTS_AIRFLOW names the Airflow version (default 3.0.6)."""

import os
from pathlib import Path

import pytest

from local.state import ROOT
from tests.faults.fan_out.fan_dags import FAN_DAGS
from tests.faults.fan_out.fan_observer import FanObserver
from tests.faults.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    version = os.environ.get("FAULTS_AIRFLOW", "3.0.6")
    settings = {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "False",
        # Airflow waits five minutes before it gives up a task whose host died; the test should not.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        # What a killed scheduler had queued is found by its successor in this rhythm (default: five minutes as well).
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
    }
    world = World(Path(tmp_path_factory.mktemp("fan-out")), version, FAN_DAGS, settings)
    try:
        world.start_emulator()
        world.deploy()
        world.start_airflow()
        yield world
    finally:
        world.close()


@pytest.fixture
def observer(world):
    observer = FanObserver(world)
    observer.modes()
    return observer

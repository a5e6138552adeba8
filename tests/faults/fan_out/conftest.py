"""FAULTS_AIRFLOW names the Airflow version (default 3.0.6)."""

import os

import pytest

from tests.faults.fan_out.fan_observer import FanObserver
from tests.faults.fan_out.worlds import fan_out_world


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    version = os.environ.get("FAULTS_AIRFLOW", "3.0.6")
    with fan_out_world(tmp_path_factory.mktemp("fan-out"), version) as world:
        yield world


@pytest.fixture
def observer(world):
    observer = FanObserver(world)
    observer.modes()
    return observer

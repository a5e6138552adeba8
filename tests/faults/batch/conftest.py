"""A world with AWS Batch. FAULTS_AIRFLOW names the Airflow version (default 3.0.6)."""

import json
import os
from pathlib import Path

import pytest

from local.state import ROOT
from tests.faults.airflow_client import Observer
from tests.faults.batch.batch_dags import BATCH_DAGS
from tests.faults.batch.batch_world import BatchWorld
from tests.faults.runs import SETTINGS
from tests.faults.world import BUCKET


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    version = os.environ.get("FAULTS_AIRFLOW", "3.0.6")
    plugins = {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "False",
    }
    dags = {**BATCH_DAGS, "lanes_reaper.py": (ROOT / "dags/lanes_reaper.py").read_text()}
    world = BatchWorld(Path(tmp_path_factory.mktemp("batch")), version, dags, {**SETTINGS, **plugins})
    try:
        world.start_emulator()
        world.deploy()
        world.start_airflow()
        yield world
    finally:
        world.close()


@pytest.fixture
def observer(world):
    yield Observer(world)
    world.no_faults()


@pytest.fixture
def modes(world):
    """What batches do from now on: `modes(b3="error", seconds=1)`."""

    def put(**given):
        body = {key.removeprefix("b"): mode for key, mode in given.items()}
        world.client("s3").put_object(Bucket=BUCKET, Key="raw/modes.json", Body=json.dumps(body).encode())

    put()
    return put

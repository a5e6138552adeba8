"""Real Airflow processes and the emulator. FAULTS_AIRFLOW names the Airflow version (default 3.0.6)."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
for folder in (ROOT, ROOT / "dags"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from tests.faults.world import World  # noqa: E402

DAGS = {
    "lanes_reaper.py": (ROOT / "dags/lanes_reaper.py").read_text(),
    "probes.py": """
import datetime as dt
from airflow.sdk import DAG
from lanes import run_task
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
RETRIES = {"retries": 2, "retry_delay": dt.timedelta(seconds=2)}
OPEN = {"schedule": None, "start_date": START, "catchup": False, "max_active_tasks": 1000, "max_active_runs": 1000}
with DAG("one", default_args=RETRIES, params={"mode": "ok", "seconds": 1}, **OPEN):
    run_task("probe", task_id="work", command=["{{ params.mode }}", "{{ params.seconds }}"])
with DAG("once", default_args={"retries": 0}, params={"mode": "ok", "seconds": 1}, **OPEN):
    run_task("probe", task_id="work", command=["{{ params.mode }}", "{{ params.seconds }}"])
with DAG("spot", default_args={"retries": 0}, params={"seconds": 1}, **OPEN):
    run_task("probe", task_id="work", command=["ok", "{{ params.seconds }}"], capacity="spot_first")
with DAG("on_instances", default_args={"retries": 0}, params={"mode": "ok", "seconds": 1}, **OPEN):
    run_task("trainer", task_id="work", command=["{{ params.mode }}", "{{ params.seconds }}"])
with DAG("timed", default_args={"retries": 0}, params={"seconds": 60}, **OPEN):
    run_task("probe", task_id="work", command=["ok", "60"], execution_timeout=dt.timedelta(seconds=5))
with DAG("bounded", default_args={"retries": 0}, dagrun_timeout=dt.timedelta(seconds=15), **OPEN):
    run_task("probe", task_id="work", command=["ok", "300"])
""",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    version = os.environ.get("FAULTS_AIRFLOW", "3.0.6")
    world = World(Path(tmp_path_factory.mktemp("faults")), version, DAGS)
    try:
        world.start_emulator()
        world.deploy()
        world.start_airflow()
        yield world
    finally:
        world.close()

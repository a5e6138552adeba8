"""Deleting a run through Airflow's own session cancels its children, however early the plugin was loaded."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from airflow import settings  # as every component does; the models come later
assert "airflow.models.dagrun" not in sys.modules
import tasklane_fan_out
from tasklane_pages import background
told = []
background.later = lambda work, *arguments: told.append((work.__name__, *arguments))
tasklane_fan_out.TasklaneFanOut.on_load()
from airflow.models.dagrun import DagRun
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
import airflow.models
airflow.models.import_all_models()
engine = create_engine("sqlite://")
DagRun.metadata.create_all(engine)
with Session(engine) as session:
    run = DagRun(dag_id="d", run_id="r", run_type="manual")
    run.log_template_id = None
    session.add(run)
    session.flush()
    session.delete(run)
    session.flush()
print(told)
"""


def test_a_deleted_run_is_noticed(tmp_path):
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "plugins"), str(ROOT / "dags"), str(ROOT)]),
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "True",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(tmp_path),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[('cancel_children', 'd', 'r')]"

"""The triggerer's log files are closed when their triggers end, in both versions of Airflow."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os
import tasklane_open_files
from airflow.jobs.triggerer_job_runner import TriggerLoggingFactory

def handles():
    return len(os.listdir("/proc/self/fd"))

before, most = handles(), 0
for number in range(50):  # as TriggerRunnerSupervisor does when a trigger begins and ends
    factory = TriggerLoggingFactory(log_path=f"dag_id=d/{number}.log", ti=None)
    factory(processors=[lambda *_: b"a line"]).info("begun")
    most = max(most, handles() - before)
    getattr(factory, "close", lambda: None)()
    del factory
print(most, handles() - before)
"""


def test_no_log_file_stays_open(tmp_path):
    plugins = Path(__file__).parents[3] / "plugins"
    environ = {
        **os.environ,
        "PYTHONPATH": str(plugins),
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(tmp_path),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "1 0"
    assert len(list(tmp_path.rglob("[0-9]*.log"))) == 50

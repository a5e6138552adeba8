"""DAG tests run in Airflow's virtual environment, with the DAG folder laid out as it is in the bucket."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "dags"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

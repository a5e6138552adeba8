"""The schedules of this source, computed by the timetables of the environment's own Airflow version. Offline."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ops.dag_check.check import airflow_environ, write_dag_folder
from ops.errors import UserError
from ops.workspace import ROOT, Workspace

PROBE = ROOT / "tools/next_runs.py"
_SECONDS = 300


@dataclass(frozen=True)
class First:
    """What the scheduler creates first for a DAG that it sees now. All UTC."""

    run_after: datetime
    logical_date: datetime
    interval_start: datetime
    interval_end: datetime


@dataclass(frozen=True)
class Schedule:
    """`next`: when runs start within the window that was asked for; empty without a schedule."""

    dag_id: str
    schedule: str | None
    description: str
    kind: str
    timezone: str
    start_date: datetime | None
    end_date: datetime | None
    catchup: bool
    max_active_runs: int
    owner: str
    pools: tuple[str, ...]
    first: First | None
    next: tuple[datetime, ...]
    switched_off: bool = False  # the environment file says so: here it runs by hand only

    @property
    def is_continuous(self) -> bool:
        """It starts again as soon as it has ended; `next` has one moment."""
        return self.kind == "ContinuousTimetable"


def schedules(workspace: Workspace, now: datetime, hours: float) -> list[Schedule]:
    """UserError when a DAG file cannot be imported, or the Airflow version is not installed."""
    version = workspace.environment.airflow.version
    python = workspace.root / f".venvs/airflow-{version}/bin/python"
    if not python.exists():
        raise UserError(f"Airflow {version} is not installed ({python}); run `make setup AIRFLOW={version}`")
    with tempfile.TemporaryDirectory(prefix="tasklane-schedule-") as name:
        folder = Path(name)
        write_dag_folder(workspace, folder / "dags")
        argv = [str(python), str(PROBE), str(folder / "dags"), now.isoformat(), str(hours)]
        environ = airflow_environ(workspace, folder)
        done = subprocess.run(argv, capture_output=True, text=True, env=environ, timeout=_SECONDS, check=False)
    if done.returncode:
        raise UserError(f"Airflow could not be asked about the schedules:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout)
    for file, error in found["errors"].items():
        raise UserError(f"{Path(file).name} cannot be imported; `tasklane dags check` says why:\n{error[-500:]}")
    off = {dag_id for dag_id, on in workspace.environment.schedules.items() if not on}
    return [_schedule(dag, dag["dag_id"] in off) for dag in found["dags"]]


def _schedule(dag: dict[str, Any], switched_off: bool) -> Schedule:
    first = dag["first"]
    return Schedule(
        dag["dag_id"],
        dag["schedule"],
        dag["description"] or "",
        dag["kind"],
        dag["timezone"],
        _moment(dag["start_date"]),
        _moment(dag["end_date"]),
        dag["catchup"],
        dag["max_active_runs"],
        dag["owner"],
        tuple(dag["pools"]),
        None if first is None else First(**{name: datetime.fromisoformat(value) for name, value in first.items()}),
        tuple(datetime.fromisoformat(text) for text in dag["next"]),
        switched_off,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)

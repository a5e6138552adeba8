"""What an environment's Airflow does now, in one document: runs, failures, holds, pools. A few requests in all."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.airflow_state.rest import AirflowRest
from ops.runs.hold import holds, waiting
from ops.runs.lookup import dag_details, dag_path

FAILED_HOURS = 24


def status(rest: AirflowRest, dag_id: str, now: datetime | None = None) -> dict[str, Any]:
    """Of one DAG and its file, or ("") of all. `failed`: runs that ended so within FAILED_HOURS and still are."""
    if dag_id:
        dag_details(rest, dag_id)
    since = (now or datetime.now(UTC)) - timedelta(hours=FAILED_HOURS)
    dags = [dag for dag in rest.all("/dags", "dags") if dag_id in ("", dag["dag_id"])]
    running, queued = _runs(rest, dag_id, state="running"), _runs(rest, dag_id, state="queued")
    failed = _runs(rest, dag_id, state="failed", end_date_gte=since.isoformat())
    held = holds(rest)
    rows = [_dag(dag, running[dag["dag_id"]], queued[dag["dag_id"]], failed[dag["dag_id"]], held) for dag in dags]
    errors = [error["filename"] for error in rest.all("/importErrors", "import_errors")]
    if dag_id:  # another DAG's file says nothing about this one; names are relative to the bundle, or whole paths
        errors = [name for name in errors if any(dag["fileloc"].endswith(f"/{name.lstrip('/')}") for dag in dags)]
    return {
        "dags": sorted(rows, key=lambda row: row["dag_id"]),
        "pools": [_pool(pool) for pool in rest.all("/pools", "pools")],
        "import_errors": errors,
        "healthy": not errors and not any(row["failed"] for row in rows),
    }


def _runs(rest: AirflowRest, dag_id: str, **query: Any) -> dict[str, list[dict[str, Any]]]:
    path = f"{dag_path(dag_id) if dag_id else '/dags/~'}/dagRuns"
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for run in rest.all(path, "dag_runs", query={**query, "order_by": "-run_after"}):
        found[run["dag_id"]].append(run)
    return found


def _dag(dag: dict[str, Any], running: list[Any], queued: list[Any], failed: list[Any], held: Any) -> dict[str, Any]:
    hold = held.get(dag["dag_id"])
    return {
        "dag_id": dag["dag_id"],
        "paused": dag["is_paused"],
        "running": [run["dag_run_id"] for run in running],
        "queued": [run["dag_run_id"] for run in queued],
        "failed": [run["dag_run_id"] for run in failed],
        "hold": None if hold is None else hold.as_dict(),
        "waiting_for_hold": [] if hold is None else waiting(queued, hold),
        "next_run": dag["next_dagrun_run_after"],
    }


def _pool(pool: dict[str, Any]) -> dict[str, Any]:
    names = ("slots", "occupied_slots", "running_slots", "queued_slots", "scheduled_slots", "deferred_slots")
    return {"name": pool["name"], **{name: pool[name] for name in names}}

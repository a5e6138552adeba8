"""DAGs, runs and tasks by name, as Airflow's REST API knows them; a wrong name is answered with the near ones."""

from __future__ import annotations

from datetime import datetime, tzinfo
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.runs.dates import zone
from platform_spec.dag_rules import TIMEZONE_TAG

ENDED = ("success", "failed")
TASK_ENDED = ("success", "failed", "skipped", "upstream_failed", "removed")


def dag_path(dag_id: str) -> str:
    return f"/dags/{quote(dag_id, safe='')}"


def run_path(dag_id: str, run_id: str) -> str:
    return f"{dag_path(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def task_path(task: dict[str, Any]) -> str:
    return f"{run_path(task['dag_id'], task['dag_run_id'])}/taskInstances/{quote(task['task_id'], safe='')}"


def dag_details(rest: AirflowRest, dag_id: str) -> dict[str, Any]:
    """Timetable, time zone, start date, catch-up, limits; UserError names DAGs that are called alike."""
    found = rest.find(f"{dag_path(dag_id)}/details")
    if found is None:
        known = sorted(dag["dag_id"] for dag in rest.all("/dags", "dags"))
        raise UserError(f"there is no DAG {dag_id!r}{_alike(dag_id, known)}")
    return found


def time_zone(details: dict[str, Any]) -> tzinfo:
    """Of a DAG by its details. Their own `timezone` is the deployment's, whatever the DAG's is: lanes.dag tags it."""
    names = [tag["name"] for tag in details.get("tags") or [] if tag["name"].startswith(TIMEZONE_TAG)]
    return zone(names[0].removeprefix(TIMEZONE_TAG) if names else details["timezone"])


def latest_runs(rest: AirflowRest, dag_id: str, count: int, **query: Any) -> list[dict[str, Any]]:
    """The newest first."""
    asked = {"order_by": "-run_after", "limit": min(count, 100), **query}
    return list(rest.call("GET", f"{dag_path(dag_id)}/dagRuns", query=asked)["dag_runs"])


def find_run(rest: AirflowRest, dag_id: str, run_id: str) -> dict[str, Any]:
    """`latest`, or a run id; UserError lists the newest ones."""
    if run_id != "latest" and (found := rest.find(run_path(dag_id, run_id))) is not None:
        return found
    dag_details(rest, dag_id)
    newest = latest_runs(rest, dag_id, 5)
    if not newest:
        raise UserError(f"DAG {dag_id} has no run yet; start one with `tasklane run {dag_id}`")
    if run_id == "latest":
        return newest[0]
    known = ", ".join(run["dag_run_id"] for run in newest)
    raise UserError(f"DAG {dag_id} has no run {run_id!r} (the newest: {known})")


def task_instances(rest: AirflowRest, dag_id: str, run_id: str) -> list[dict[str, Any]]:
    return rest.all(f"{run_path(dag_id, run_id)}/taskInstances", "task_instances")


def xcom(rest: AirflowRest, task: dict[str, Any], key: str) -> Any:
    """An XCom of a task instance; None if there is none."""
    query = {"map_index": task["map_index"]} if task["map_index"] >= 0 else None
    found = rest.find(f"{task_path(task)}/xcomEntries/{quote(key, safe='')}", query=query)
    return None if found is None else found["value"]


def label(task: dict[str, Any]) -> str:
    """The task's id, with its map index where it has one."""
    return f"{task['task_id']}[{task['map_index']}]" if task["map_index"] >= 0 else str(task["task_id"])


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def seconds_between(start: str | None, end: str | None) -> float | None:
    first, last = moment(start), moment(end)
    return None if first is None or last is None else max(0.0, (last - first).total_seconds())


def _alike(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(near)}?" if near else f" (there: {', '.join(known) or 'none'})"

"""A fan-out as Airflow's REST API tells it: the waiting task, its child runs, their tasks."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import quote

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.workspace import ROOT
from platform_spec.fan_out_arrays import ENGINE

OPERATORS = ("FanOut", "ArrayFanOut")
INFO_KEY, SUMMARY_KEY, FACTS_KEY = "fan_out", "fan_out_summary", "lanes_run"
_TIMES = ("queued_at", "start_date", "end_date")
_FACTS_READ = 50  # one request each; the page, which reads the database, shows all


@dataclass(frozen=True)
class Waiting:
    """The task that waits for the children, and what it published."""

    dag_id: str
    run_id: str
    task_id: str
    info: dict[str, Any]
    summary: dict[str, Any] | None

    @property
    def is_array(self) -> bool:
        """Whether its batches are array jobs, which have no runs in Airflow."""
        return self.info.get("engine") == ENGINE


def run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def find_waiting(rest: AirflowRest, dag_id: str, run_id: str, task_id: str = "") -> Waiting:
    """The fan-out of a run (`run_id` "latest": of the latest run); UserError lists what there is."""
    if run_id == "latest":
        runs = rest.call("GET", f"/dags/{quote(dag_id)}/dagRuns", query={"order_by": "-run_after", "limit": 1})
        if not runs["dag_runs"]:
            raise UserError(f"DAG {dag_id} has no run yet")
        run_id = runs["dag_runs"][0]["dag_run_id"]
    tasks = rest.all(f"{run_path(dag_id, run_id)}/taskInstances", "task_instances")
    candidates = [t["task_id"] for t in tasks if t["operator"] in OPERATORS and task_id in ("", t["task_id"])]
    if not candidates:
        known = ", ".join(t["task_id"] for t in tasks) or "none"
        raise UserError(f"run {run_id} of {dag_id} has no fan-out task {task_id or ''} (its tasks: {known})")
    chosen = candidates[0]
    info = _xcom(rest, dag_id, run_id, chosen, INFO_KEY)
    if info is None:
        raise UserError(f"{dag_id}.{chosen} of {run_id} has not dispatched anything yet; look again in a minute")
    return Waiting(dag_id, run_id, chosen, info, _xcom(rest, dag_id, run_id, chosen, SUMMARY_KEY))


def view_of(
    rest: AirflowRest,
    waiting: Waiting,
    planned: dict[int, dict[str, Any]],
    now: float,
    document: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The document of the fan-out page, without the cost of batches whose facts are not worth a request each.

    `document` is the state of an array fan-out, whose batches have no runs.
    """
    head = rest.call("GET", run_path(waiting.dag_id, waiting.run_id))
    task = rest.call("GET", f"{run_path(waiting.dag_id, waiting.run_id)}/taskInstances/{quote(waiting.task_id)}")
    pure = _page("view")
    if waiting.is_array:
        quarantine = waiting.info.get("quarantine", True)
        arrays = _page("array_view")
        batches = arrays.batch_views(document, waiting.info["batches"], planned, quarantine=quarantine)
        batches = arrays.as_ended(batches, task["state"])
    else:
        batches = _batches_of_runs(rest, waiting, planned)
    return {
        "dag_id": waiting.dag_id,
        "run_id": waiting.run_id,
        "task_id": waiting.task_id,
        "map_index": -1,
        "run_state": head["state"],
        "task_state": task["state"],
        "start": _seconds(task["start_date"]),
        "end": _seconds(task["end_date"]),
        "now": now,
        "info": waiting.info,
        "summary": waiting.summary,
        "batches": batches,
        "totals": pure.totals(batches),
        "eta_seconds": pure.eta_seconds(batches, now),
    }


def _batches_of_runs(rest: AirflowRest, waiting: Waiting, planned: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    child, prefix = waiting.info["child_dag_id"], waiting.info["prefix"]
    runs = [_row(run, "dag_run_id") for run in _children(rest, child, prefix)]
    tasks: dict[str, list[Any]] = {}
    for task in _tasks(rest, child, runs):
        tasks.setdefault(task.run_id, []).append(task)
    facts = {run.run_id: _facts(rest, child, tasks.get(run.run_id, [])) for run in _worth_asking(runs)}
    quarantine = waiting.info.get("quarantine", True)
    found: list[dict[str, Any]] = _page("view").batch_views(
        waiting.info["batches"], runs, tasks, facts, planned, quarantine=quarantine
    )
    return found


def _children(rest: AirflowRest, child: str, prefix: str) -> list[dict[str, Any]]:
    """Newest first, and no further than the first page without one of ours after some were found."""
    found: list[dict[str, Any]] = []
    offset = 0
    while True:
        page = rest.call(
            "GET", f"/dags/{quote(child)}/dagRuns", query={"limit": 100, "offset": offset, "order_by": "-run_after"}
        )
        ours = [run for run in page["dag_runs"] if run["dag_run_id"].startswith(prefix)]
        found += ours
        offset += len(page["dag_runs"])
        if not page["dag_runs"] or offset >= page["total_entries"]:
            return found


def _tasks(rest: AirflowRest, child: str, runs: list[Any]) -> list[Any]:
    path = f"/dags/{quote(child)}/dagRuns/~/taskInstances/list"
    found: list[Any] = []
    for start in range(0, len(runs), 100):
        offset = 0
        while True:
            body = {
                "dag_run_ids": [run.run_id for run in runs[start : start + 100]],
                "page_limit": 100,
                "page_offset": offset,
            }
            page = rest.call("POST", path.replace(quote(child), "~", 1), body={**body, "dag_ids": [child]})
            found += [_row(task, "dag_run_id") for task in page["task_instances"]]
            offset += len(page["task_instances"])
            if not page["task_instances"] or offset >= page["total_entries"]:
                break
    return found


def _worth_asking(runs: list[Any]) -> list[Any]:
    failed = [run for run in runs if run.state == "failed"]
    return [*failed, *(run for run in runs if run.state != "failed")][:_FACTS_READ]


def _facts(rest: AirflowRest, child: str, tasks: list[Any]) -> list[Any]:
    values = [(task.task_id, _xcom(rest, child, task.run_id, task.task_id, FACTS_KEY)) for task in tasks]
    return [SimpleNamespace(task_id=task_id, value=value) for task_id, value in values if value is not None]


def _xcom(rest: AirflowRest, dag_id: str, run_id: str, task_id: str, key: str) -> Any:
    found = rest.find(f"{run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/xcomEntries/{quote(key)}")
    return None if found is None else found["value"]


def _row(values: dict[str, Any], run_id_name: str) -> Any:
    times = {name: datetime.fromisoformat(values[name]) for name in _TIMES if values.get(name)}
    names = ("state", "task_id", "try_number")
    return SimpleNamespace(
        **dict.fromkeys(_TIMES) | times,
        run_id=values[run_id_name],
        **{name: values.get(name) for name in names},
    )


def _seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


@cache
def _page(name: str) -> ModuleType:
    """The page's own arithmetic. A plugin is deployed alone, so its files import nothing of ours, and we load some."""
    path = ROOT / f"plugins/tasklane_pages/{name}.py"
    spec = importlib.util.spec_from_file_location(f"tasklane_pages_{name}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is missing; the check-out is not complete")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

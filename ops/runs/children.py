"""The child runs of a fan-out, as the waiting task published them (its XCom `fan_out`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.airflow_state.rest import AirflowRest
from ops.runs.lookup import dag_path, xcom

FAN_OUT_KEY = "fan_out"
OPERATORS = ("FanOut", "ArrayFanOut")
_PAGE = 100


def fan_outs(rest: AirflowRest, tasks: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each fan-out task of a run with what it published: manifest, and child_dag_id and prefix, or document (array)."""
    return [(task, info) for task in tasks if task["operator"] in OPERATORS and (info := xcom(rest, task, FAN_OUT_KEY))]


def child_tasks(rest: AirflowRest, info: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Task instances of all child runs, asked for in lists of a hundred runs; none of an array, which has no runs."""
    if "prefix" not in info:
        return
    child, prefix = info["child_dag_id"], info["prefix"]
    runs = rest.all(f"{dag_path(child)}/dagRuns", "dag_runs", query={"order_by": "-run_after"})
    ours = [run["dag_run_id"] for run in runs if run["dag_run_id"].startswith(prefix)]
    for start in range(0, len(ours), _PAGE):
        offset = 0
        while True:
            body = {
                "dag_ids": [child],
                "dag_run_ids": ours[start : start + _PAGE],
                "page_limit": _PAGE,
                "page_offset": offset,
            }
            page = rest.call("POST", "/dags/~/dagRuns/~/taskInstances/list", body=body)
            yield from page["task_instances"]
            offset += len(page["task_instances"])
            if not page["task_instances"] or offset >= page["total_entries"]:
                break

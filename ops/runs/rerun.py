"""Run again what was run: a whole run, or one task of it and all that follows."""

from __future__ import annotations

from typing import Any

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.runs.lookup import dag_path, find_run, label, task_instances


def clear(rest: AirflowRest, dag_id: str, run_id: str, task_id: str, *, failed: bool, dry_run: bool) -> dict[str, Any]:
    """{"run_id", "tasks"}: what is (or would be) cleared. UserError for an unknown task, or when nothing is to do."""
    run = find_run(rest, dag_id, run_id)
    known = {task["task_id"] for task in task_instances(rest, dag_id, run["dag_run_id"])}
    if task_id and task_id not in known:
        raise UserError(
            f"run {run['dag_run_id']} of {dag_id} has no task {task_id!r} (it has {', '.join(sorted(known))})"
        )
    body: dict[str, Any] = {
        "dry_run": True,  # first, for the states before: what has been cleared has none
        "dag_run_id": run["dag_run_id"],
        "only_failed": failed,
        "reset_dag_runs": True,
        "include_downstream": bool(task_id),
    }
    body |= {"task_ids": [task_id]} if task_id else {}
    path = f"{dag_path(dag_id)}/clearTaskInstances"
    answer = rest.call("POST", path, body=body)
    tasks = sorted({label(task): task["state"] for task in answer["task_instances"]}.items())
    if not tasks:
        what = "failed task" if failed else "task that has run"
        raise UserError(f"run {run['dag_run_id']} of {dag_id} has no {what} to clear")
    if not dry_run:
        rest.call("POST", path, body={**body, "dry_run": False})
    return {"dag_id": dag_id, "run_id": run["dag_run_id"], "tasks": [{"task": name, "state": s} for name, s in tasks]}

"""The HTTP side of the fan-out page. Everything but the page's own files asks for Airflow's login."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse

from tasklane_pages import array_jobs, array_view, child_runs, queries, view
from tasklane_pages.access import may_read, require_log, require_read
from tasklane_pages.manifests import items_of

STATIC = Path(__file__).parent / "static"
FILES = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "charts.js": "text/javascript",
    "batch.js": "text/javascript",
    "airflow.js": "text/javascript",
}
# Nothing but this server's own files runs or is loaded; nobody puts the page into a frame of another site.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
RECENT = 100
# How the page reads the batches of each engine of `fan_out`; what the waiting task publishes names it.
ENGINES = {"runs": child_runs.batches, "array": lambda session, info: array_jobs.batches(info)}

app = FastAPI(title="Tasklane fan-out", docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/")
def page() -> FileResponse:
    return FileResponse(STATIC / "index.html", media_type="text/html", headers=HEADERS)


@app.get("/static/{name}")
def static(name: str) -> FileResponse:
    if name not in FILES:
        raise HTTPException(404, f"no such file; there are {', '.join(FILES)}")
    return FileResponse(STATIC / name, media_type=FILES[name], headers=HEADERS)


@app.get("/data/recent")
def recent(user: GetUserDep, session: SessionDep) -> list[dict[str, Any]]:
    """The latest fan-outs that the user may see."""
    allowed: dict[str, bool] = {}
    shown = []
    for found in queries.recent_fan_outs(session, RECENT):
        for dag_id in (found["dag_id"], found["child_dag_id"]):
            allowed.setdefault(dag_id, may_read(user, dag_id))
        if allowed[found["dag_id"]] and allowed[found["child_dag_id"]]:
            shown.append(found)
    return shown


@app.get("/data/fan-out")
def fan_out(
    dag_id: str, run_id: str, user: GetUserDep, session: SessionDep, task_id: str = "", map_index: int = -1
) -> dict[str, Any]:
    """The whole fan-out; without `task_id`, the first one of the run."""
    require_read(user, dag_id)
    if not task_id:
        task_id, map_index = _first(session, dag_id, run_id)
    parent = queries.parent_of(session, dag_id, run_id, task_id, map_index)
    if not parent:
        raise HTTPException(404, f"DAG {dag_id} has no run {run_id}")
    published = queries.xcoms_of(session, dag_id, run_id, task_id, map_index)
    where = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}
    head = {**where, **_states(parent), "now": round(time.time(), 2)}
    info = published.get(queries.INFO_KEY)
    if info is None:
        return {**head, "batches": [], "totals": view.totals([]), "eta_seconds": None}
    require_read(user, info["child_dag_id"])
    batches = _batches(session, info)
    if info.get("engine") == "array":
        batches = array_view.as_ended(batches, head["task_state"])
    return {
        **head,
        "info": info,
        "summary": published.get(queries.SUMMARY_KEY),
        "batches": batches,
        "totals": view.totals(batches),
        "eta_seconds": view.eta_seconds(batches, time.time()),
    }


@app.get("/data/items")
def items(
    dag_id: str, run_id: str, task_id: str, index: int, user: GetUserDep, session: SessionDep, map_index: int = -1
) -> list[dict[str, Any]]:
    """The items (samples) of one batch."""
    require_read(user, dag_id)
    info = queries.xcoms_of(session, dag_id, run_id, task_id, map_index).get(queries.INFO_KEY)
    if info is None:
        raise HTTPException(404, f"task {task_id} of {run_id} has not planned anything yet")
    require_read(user, info["child_dag_id"])
    return items_of(info["manifest"], index)


@app.get("/data/log")
def log(
    dag_id: str, run_id: str, task_id: str, index: int, user: GetUserDep, session: SessionDep, map_index: int = -1
) -> dict[str, str]:
    """The end of the log of one batch of an array fan-out; other batches have a run of their own in Airflow."""
    require_log(user, dag_id)
    info = queries.xcoms_of(session, dag_id, run_id, task_id, map_index).get(queries.INFO_KEY)
    if info is None or info.get("engine") != "array":
        raise HTTPException(404, f"task {task_id} of {run_id} runs no array jobs")
    return {"log": array_jobs.log_tail(info, index)}


def _batches(session: Any, info: dict[str, Any]) -> list[dict[str, Any]]:
    engine = info.get("engine", "runs")
    if engine not in ENGINES:
        raise HTTPException(501, f"this page does not know the engine {engine!r} (it knows {', '.join(ENGINES)})")
    return ENGINES[engine](session, info)


def _first(session: Any, dag_id: str, run_id: str) -> tuple[str, int]:
    found = queries.fan_out_tasks(session, dag_id, run_id)
    if not found:
        raise HTTPException(404, f"run {run_id} of {dag_id} has no fan-out, or it has not dispatched anything yet")
    return found[0]


def _states(parent: dict[str, Any]) -> dict[str, Any]:
    run, task = parent["run"], parent["task"]
    return {
        "run_state": str(run.state),
        "task_state": str(task.state) if task and task.state else None,
        "start": view.seconds(task.start_date if task else run.start_date),
        "end": view.seconds(task.end_date if task else run.end_date),
    }

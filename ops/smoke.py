"""A run of the tiny DAG `tasklane_smoke`: is the new release what Airflow runs?"""

import time
from collections.abc import Callable
from typing import Any

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.release.store import ReleaseStore
from ops.workspace import Workspace

DAG = "tasklane_smoke"
Say = Callable[[str], None]


def smoke_run(workspace: Workspace, say: Say, *, seconds: float = 600, pause: float = 2.0) -> dict[str, Any]:
    """Wait until Airflow has parsed the running release, run the DAG, look at the end. UserError when it failed."""
    rest, release = AirflowRest(workspace), ReleaseStore(workspace).running_id()
    if release is None:
        raise UserError(f"nothing runs in {workspace.environment_name} yet; run `tasklane deploy`")
    until = time.monotonic() + seconds
    while f"release:{release}" not in (tags := _tags(rest)):
        if time.monotonic() > until:
            raise UserError(
                f"Airflow of {workspace.environment_name} has not parsed release {release} after {seconds:g} s (DAG "
                f"{DAG} has the tags {', '.join(tags) or 'none'}); look at the DAGProcessing log of the environment"
            )
        parse_again(rest, [DAG])
        time.sleep(pause)
    parse_again(rest, [dag["dag_id"] for dag in rest.all("/dags", "dags") if dag["dag_id"] != DAG])
    run_id = f"smoke-{release}-{int(time.time())}"
    if rest.call("GET", f"/dags/{DAG}").get("is_paused"):
        rest.call("PATCH", f"/dags/{DAG}", query={"update_mask": ["is_paused"]}, body={"is_paused": False})
    rest.call("POST", f"/dags/{DAG}/dagRuns", body={"dag_run_id": run_id, "logical_date": None, "conf": {}})
    state = _end(rest, run_id, until, pause)
    if state != "success":
        raise UserError(f"the smoke run {run_id} of DAG {DAG} ended with {state}; see its log in Airflow")
    say(f"smoke: {run_id} succeeded")
    return {"run_id": run_id, "release": release, "state": state}


def parse_again(rest: AirflowRest, dag_ids: list[str]) -> None:
    """Have DAG files parsed now: Airflow looks at the time of each file, and a manifest that changed does not count."""
    for dag_id in dag_ids:
        found = rest.find(f"/dags/{dag_id}")
        if found:
            rest.find(f"/parseDagFile/{found['file_token']}", method="PUT")  # 409: asked for already


def _tags(rest: AirflowRest) -> list[str]:
    found = rest.find(f"/dags/{DAG}")
    return [tag["name"] for tag in found["tags"]] if found else []


def _end(rest: AirflowRest, run_id: str, until: float, pause: float) -> str:
    while True:
        state = str(rest.call("GET", f"/dags/{DAG}/dagRuns/{run_id}")["state"])
        if state in ("success", "failed"):
            return state
        if time.monotonic() > until:
            raise UserError(f"the smoke run {run_id} of DAG {DAG} is still {state}; see Airflow")
        time.sleep(pause)

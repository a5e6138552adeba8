"""The bundled DAGs beside the flagship pipeline, run once each, for the record of the rights that are used."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from local.state import State
from ops.airflow_api import AirflowApi
from tests.e2e.running import tasklane, upload_interactions, upload_orders
from tests.e2e.test_related_articles import Application

# DAG, conf, and how its run ends. The last one fails for good at once and tells of it.
RUNS: list[tuple[str, dict[str, object], str]] = [
    ("tasklane_smoke", {}, "success"),
    ("lanes_reaper", {}, "success"),
    ("s3_json", {}, "success"),
    ("daily_transform", {}, "success"),
    ("related_articles", {}, "success"),
    ("recommendation", {"date": "2026-01-01"}, "success"),
    ("recommendation_tuning", {"date": "2026-01-01", "factors": [4, 16], "regularization": [0.1]}, "success"),
    ("example_static_groups", {}, "success"),
    ("example_mapped_tasks", {"seeds": [1, 2]}, "success"),
    ("microbiome_dispatch", {"prefix": "raw/nothing-here/"}, "failed"),
]
# Tasks that look at what they have done before, and leave it: only a rerun reads it.
CLEARED = {"daily_transform": "transform", "related_articles": "similar"}
KILLED = "example_static_groups"
SECONDS = 300.0


def run_other_dags(state: State) -> None:
    """All of them side by side; SystemExit names the runs that ended otherwise."""
    _give_inputs(state)
    api = AirflowApi(state.airflow_url)
    started = [(dag_id, api.trigger(dag_id, conf), expected) for dag_id, conf, expected in RUNS]
    wrong = [f"{dag_id} ({run_id})" for dag_id, run_id, expected in started if _end(api, dag_id, run_id) != expected]
    wrong += [f"{dag_id} ({run_id}, cleared)" for dag_id, run_id, _ in started if not _again(state, dag_id, run_id)]
    _kill(api)
    if wrong:
        raise SystemExit(f"iam-mutation: these runs did not end as they should: {', '.join(wrong)}; see {state.logs}")


def _give_inputs(state: State) -> None:
    """What the small pipelines read: orders, reading events, interactions, an application image."""
    app = Application(state.folder)
    with tempfile.TemporaryDirectory() as folder:
        app.upload_events(Path(folder, "1.parquet"), 1)
        upload_orders(state.folder, Path(folder), "2026-01-01")
        upload_interactions(state.folder, Path(folder), "2026-01-01")
    app.push("release-1")


def _end(api: AirflowApi, dag_id: str, run_id: str) -> str:
    until = time.monotonic() + SECONDS
    while (found := str(api.run(dag_id, run_id)["state"])) not in ("success", "failed") and time.monotonic() < until:
        time.sleep(1)
    return found


def _again(state: State, dag_id: str, run_id: str) -> bool:
    """Whether the run also succeeds once it was cleared from its task in CLEARED on; True where it has none."""
    if dag_id not in CLEARED:
        return True
    done = tasklane(state.folder, "rerun", dag_id, run_id, "--from", CLEARED[dag_id])
    return done.returncode == 0 and _end(AirflowApi(state.airflow_url), dag_id, run_id) == "success"


def _kill(api: AirflowApi) -> None:
    """A run that a person ends while its containers are at work: they are stopped."""
    run_id = api.trigger(KILLED, {})
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        states = {task["state"] for task in api.task_instances(KILLED, run_id)}
        if "deferred" in states:
            time.sleep(1)  # the trigger starts the container
            api.end_run(KILLED, run_id)
            time.sleep(5)
            return
        if str(api.run(KILLED, run_id)["state"]) in ("success", "failed"):
            return
        time.sleep(0.2)

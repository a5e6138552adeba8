"""Real Airflow processes with an engine beside their workers, which act with a role of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from local.state import ROOT
from tests.dags.lanes_airflow.docker.conftest import ENTRY, SERVICE, ULIMITS, connected, containers_of, role
from tests.faults.runs import SETTINGS
from tests.faults.world import ACCOUNT, BUCKET, World

ENVIRONMENT = "scheduled"
TASK_ROLE, WORKER_ROLE = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("scheduled-task", "airflow-worker"))
DAGS = {
    "lanes_reaper.py": (ROOT / "dags/lanes_reaper.py").read_text(),
    "guests.py": f"""
import datetime as dt
from airflow.sdk import DAG
from lanes import run_task
RETRIES = {{"retries": 2, "retry_delay": dt.timedelta(seconds=2)}}
OPEN = {{"schedule": None, "start_date": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "catchup": False}}
ASKED = {{"task_id": "work", "ulimits": {ULIMITS}}}
with DAG("one", default_args=RETRIES, params={{"mode": "confined"}}, **OPEN):
    run_task("probe", command=["{{{{ params.mode }}}}"], **ASKED)
with DAG("timed", default_args={{"retries": 0}}, **OPEN):
    run_task("probe", command=["stubborn"], execution_timeout=dt.timedelta(seconds=3), **ASKED)
""",
}


class ScheduledWorld(World):
    """`engine` is the address of its API."""

    def __init__(self, folder: Path, airflow: str, engine: str) -> None:
        super().__init__(folder, airflow, DAGS, {**SETTINGS, "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins")})
        self.env["DOCKER_HOST"] = engine
        self.engine = connected(engine)

    def containers(self, run_id: str) -> list[dict]:
        """Those of a run, whatever their state, the oldest first."""
        return containers_of(self.engine, ENVIRONMENT, run_id)

    def waiting(self, run_id: str) -> list[dict]:
        """Those that run and have said that they wait."""
        running = [one for one in self.containers(run_id) if one["State"]["Status"] == "running"]
        return [one for one in running if b"waiting" in self.engine.logs(one["Id"])]

    def deploy(self) -> None:
        super().deploy()
        iam, objects = self.client("iam"), f"arn:aws:s3:::{BUCKET}/runs/probe/*"
        reaping = {
            "ecs:ListTasks": "*",
            "ecs:DescribeTasks": "*",
            "logs:CreateLogStream": "*",
            "logs:PutLogEvents": "*",
        }
        role(iam, WORKER_ROLE, {"Service": SERVICE}, {"sts:AssumeRole": TASK_ROLE, "s3:GetObject": objects, **reaping})
        role(iam, TASK_ROLE, {"AWS": WORKER_ROLE}, {"s3:PutObject": objects})
        self._session = httpx.post(
            f"{self.state.endpoint_url}/_tasklane/credentials",
            json={"role_arn": WORKER_ROLE, "service": SERVICE},
            headers={"authorization": self.state.token},
        ).raise_for_status().json()  # fmt: skip

    def _write_dags(self) -> None:
        super()._write_dags()
        path = self.state.folder / "dags/manifest.json"
        tasks = {"probe": {**ENTRY, "task_role_arn": TASK_ROLE}}
        path.write_text(json.dumps({**json.loads(path.read_text()), "environment": ENVIRONMENT, "tasks": tasks}))

    @property
    def airflow_env(self) -> dict[str, str]:
        given: dict[str, Any] = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": self._session["full_uri"],
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._session["authorization_token"],
        }
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        return {name: value for name, value in super().airflow_env.items() if name not in keys} | given

"""What the fault suite asks Airflow and ECS, and what it does to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.faults.world import CLUSTER, World


class Observer:
    """Runs and task instances through the REST API, containers through ECS."""

    def __init__(self, world: World) -> None:
        self._api = httpx.Client(base_url=f"{world.state.airflow_url}/api/v2", timeout=60)
        self._ecs = world.client("ecs")

    def trigger(self, dag_id: str, **conf: Any) -> str:
        answer = self._api.post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})
        answer.raise_for_status()
        return str(answer.json()["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self._api.get(f"/dags/{dag_id}/dagRuns/{run_id}").raise_for_status().json()["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        path, found = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", list[dict[str, Any]]()
        while True:  # Airflow 3.2 gives a hundred at a time, however many are asked for
            page = self._api.get(path, params={"limit": 100, "offset": len(found)}).raise_for_status().json()
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return found

    def task(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return next(task for task in self.tasks(dag_id, run_id) if task["task_id"] == "work")

    def mark(self, dag_id: str, run_id: str, state: str) -> None:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/work"
        self._api.patch(path, json={"new_state": state}).raise_for_status()

    def clear(self, dag_id: str, run_id: str) -> None:
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": ["work"], "only_failed": False}
        self._api.post(f"/dags/{dag_id}/clearTaskInstances", json=body).raise_for_status()

    def delete_run(self, dag_id: str, run_id: str) -> None:
        self._api.delete(f"/dags/{dag_id}/dagRuns/{run_id}").raise_for_status()

    def log(self, dag_id: str, run_id: str, try_number: int = 1) -> str:
        """All lines as the UI shows them, then the messages of the errors."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/work/logs/{try_number}"
        answer = self._api.get(path, params={"full_content": True}, headers={"accept": "application/json"})
        lines = answer.json()["content"]
        errors = [error["exc_value"] for line in lines for error in line.get("error_detail") or []]
        return "\n".join([*(str(line.get("event")) for line in lines), *errors])

    def xcom(self, dag_id: str, run_id: str, key: str, task_id: str = "work") -> Any:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self._api.get(path).raise_for_status().json()["value"]

    def links(self, dag_id: str, run_id: str) -> dict[str, str]:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/work/links"
        return dict(self._api.get(path).raise_for_status().json()["extra_links"])

    def containers(self, run_id: str | None = None) -> list[dict[str, Any]]:
        """All containers (of one run), with their `environment` as a dict."""
        pages = self._ecs.get_paginator("list_tasks")
        arns = [
            arn
            for status in ("RUNNING", "STOPPED")
            for page in pages.paginate(cluster=CLUSTER, desiredStatus=status)
            for arn in page["taskArns"]
        ]
        found = []
        for start in range(0, len(arns), 100):
            found += self._ecs.describe_tasks(cluster=CLUSTER, tasks=arns[start : start + 100])["tasks"]
        for task in found:
            pairs = task["overrides"]["containerOverrides"][0]["environment"]
            task["environment"] = {pair["name"]: pair["value"] for pair in pairs}
        return [task for task in found if run_id is None or task["environment"]["TASKLANE_RUN_ID"] == run_id]


def eventually(what: str, condition: Callable[[], Any], seconds: float) -> Any:
    """The first true value of `condition`; AssertionError after `seconds`."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.3)
    return value

"""What the fan-out suites ask Airflow and ECS, and do to them."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.faults.airflow_client import Observer, eventually
from tests.faults.world import BUCKET, World

ENDED = ("success", "failed")


class FanObserver(Observer):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._s3 = world.client("s3")
        self.rest = httpx.Client(base_url=f"{world.state.airflow_url}/api/v2", timeout=60)

    def modes(self, **modes: Any) -> None:
        """What batches do from now on: `modes(b3="error", seconds=1)`."""
        body = {key.removeprefix("b"): mode for key, mode in modes.items()}
        self._s3.put_object(Bucket=BUCKET, Key="raw/modes.json", Body=json.dumps(body).encode())

    def state_of(self, run_id: str, task_id: str = "fan_out") -> str | None:
        return next(task["state"] for task in self.tasks("fan", run_id) if task["task_id"] == task_id)

    def ended(self, run_id: str, seconds: float) -> str:
        """The state in which the parent run ended."""
        eventually("the fan-out ends", lambda: self._ended(run_id), seconds)
        return self.run_state("fan", run_id)

    def _ended(self, run_id: str) -> bool:
        try:
            return self.run_state("fan", run_id) in ENDED
        except httpx.HTTPError:  # the API server may be one of those that were killed
            return False

    def value(self, run_id: str, key: str, task_id: str = "fan_out") -> Any:
        path = f"/dags/fan/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.rest.get(path).raise_for_status().json()["value"]

    def children(self, run_id: str, child: str = "lane_child") -> dict[str, str]:
        """State by run id of all children of a run."""
        found: dict[str, str] = {}
        offset = 0
        while True:
            page = self.rest.get(f"/dags/{child}/dagRuns", params={"limit": 100, "offset": offset}).json()
            found |= {r["dag_run_id"]: r["state"] for r in page["dag_runs"] if r["dag_run_id"].startswith(run_id)}
            offset += len(page["dag_runs"])
            if not page["dag_runs"] or offset >= page["total_entries"]:
                return found

    def mark_fan_out(self, run_id: str, state: str) -> None:
        path = f"/dags/fan/dagRuns/{run_id}/taskInstances/fan_out"
        self.rest.patch(path, json={"new_state": state}).raise_for_status()

    def clear_fan_out(self, run_id: str) -> None:
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": ["fan_out"], "include_downstream": True,
                "only_failed": False, "reset_dag_runs": True}  # fmt: skip
        self.rest.post("/dags/fan/clearTaskInstances", json=body).raise_for_status()

    def clear_failed_tasks(self, dag_id: str, *run_ids: str) -> None:
        for run_id in run_ids:
            body = {"dry_run": False, "dag_run_id": run_id, "only_failed": True, "reset_dag_runs": True}
            self.rest.post(f"/dags/{dag_id}/clearTaskInstances", json=body).raise_for_status()

    def succeeded_containers(self, run_id: str, by: str = "TASKLANE_RUN_ID") -> dict[str, int]:
        """How many containers of the children ended with exit code 0, by child run (or another name of theirs)."""
        counted: dict[str, int] = {}
        for task in self.containers():
            child = task["environment"]["TASKLANE_RUN_ID"]
            if child.startswith(run_id) and [c.get("exitCode") for c in task["containers"]] == [0]:
                name = task["environment"][by]
                counted[name] = counted.get(name, 0) + 1
        return counted

"""Airflow's REST API (v2), as far as the project needs it. One class for every place Airflow runs in."""

from typing import Any
from urllib.parse import quote

import httpx

from ops.errors import UserError


class AirflowApi:
    """A client of one Airflow; raises UserError when it does not answer as documented."""

    def __init__(self, base_url: str, *, seconds: float = 20.0) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=seconds)
        self._authorised = False

    def healthy(self) -> bool:
        """Whether every component reports a heartbeat; False also while nothing answers."""
        try:
            health = self._http.get("/api/v2/monitor/health").json()
        except (httpx.HTTPError, ValueError):
            return False
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    def dag_ids(self) -> list[str]:
        return [dag["dag_id"] for dag in self._all("/api/v2/dags", "dags")]

    def import_errors(self) -> list[str]:
        """`file: last line of the traceback` of every DAG file that does not import."""
        found = self._call("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}" for error in found]

    def trigger(self, dag_id: str, conf: dict[str, Any], run_id: str | None = None) -> str:
        """Start a run and return its id."""
        body = {"conf": conf, "logical_date": None, **({"dag_run_id": run_id} if run_id else {})}
        return str(self._call("POST", f"/api/v2/dags/{quote(dag_id)}/dagRuns", json=body)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return self._call("GET", self._run_path(dag_id, run_id))

    def end_run(self, dag_id: str, run_id: str) -> None:
        """Mark a run as failed: what is open in it is stopped."""
        self._call("PATCH", self._run_path(dag_id, run_id), json={"state": "failed"})

    def runs(self, dag_id: str, *, prefix: str = "") -> list[dict[str, Any]]:
        """All runs of a DAG, oldest first; with `prefix`, only those whose id begins with it."""
        runs = self._all(f"/api/v2/dags/{quote(dag_id)}/dagRuns", "dag_runs", order_by="id")
        return [run for run in runs if run["dag_run_id"].startswith(prefix)]

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        return self._all(f"{self._run_path(dag_id, run_id)}/taskInstances", "task_instances")

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        path = f"{self._run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/xcomEntries/{quote(key)}"
        return self._call("GET", path)["value"]

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> list[str]:
        """The lines that the UI shows for one attempt."""
        path = f"{self._run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/logs/{attempt}"
        content = self._call("GET", path, params={"full_content": True})["content"]
        return [text for line in content for text in _log_lines(line)]

    def _run_path(self, dag_id: str, run_id: str) -> str:
        return f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"

    def _all(self, path: str, member: str, **params: Any) -> list[dict[str, Any]]:
        """Every entry of a list, page by page: Airflow 3.2 gives a hundred at a time, however many are asked for."""
        found: list[dict[str, Any]] = []
        while True:
            page = self._call("GET", path, params={**params, "limit": 100, "offset": len(found)})
            found += page[member]
            if not page[member] or len(found) >= page["total_entries"]:
                return found

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        try:
            if not self._authorised:
                token = self._http.get("/auth/token")
                token.raise_for_status()
                self._http.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
                self._authorised = True
            answer = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise UserError(f"Airflow at {self._http.base_url} does not answer {method} {path}: {error}") from error
        if not answer.is_success:
            raise UserError(f"Airflow answers {method} {path} with {answer.status_code}: {answer.text[:300]}")
        return dict(answer.json())


def _log_lines(line: Any) -> list[str]:
    """The text of one log record; an exception becomes `type: message`, without its traceback."""
    if not isinstance(line, dict):
        return [str(line)]
    errors = line.get("error_detail") or []
    return [str(line["event"]), *(f"{error['exc_type']}: {error['exc_value']}" for error in errors)]

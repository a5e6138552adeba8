"""`tasklane fanout` on array jobs: their state is a document in S3, and nothing but the waiting task is cleared."""

from __future__ import annotations

import io
import json
from typing import Any

from botocore.exceptions import ClientError

from ops.fan_outs.airflow import find_waiting, view_of
from ops.fan_outs.resume import failed_batches, resume
from platform_spec.fan_out_resume import Resumed, resume_uri

MANIFEST = "s3://data/fanout/d/abc.json"
INFO = {"engine": "array", "child_dag_id": "d", "lane": "predict", "manifest": MANIFEST, "batches": 3,
        "document": "s3://data/fanout/d/abc.1.array.json", "quarantine": True}  # fmt: skip
FIELDS = ["index", "state", "array", "position", "tries", "generation", "start", "end", "cost_usd", "kind", "reason"]
DOCUMENT = {
    "fields": FIELDS,
    "rows": [
        [0, "success", 0, 0, 1, 0, 5.0, 9.0, 0.1, "", ""],
        [1, "failed", 0, 1, 1, 0, 5.0, 8.0, 0.1, "error", "error: exit code 1"],
        [2, "failed", 0, 2, 1, 0, 5.0, 7.0, 0.1, "input", "input: exit code 2"],
    ],
    "arrays": [{"job_id": "job", "count": 3, "size": "batch", "spot": False}],
}


class Rest:
    """Airflow's REST API with one run whose task `work` fans out by arrays."""

    def __init__(self) -> None:
        self.cleared: list[dict[str, Any]] = []

    def call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        if method == "POST":
            self.cleared.append(more["body"])
            return {}
        task = {"state": "failed", "start_date": "2026-11-20T10:00:00+00:00", "end_date": None}
        return task if "taskInstances" in path else {"state": "failed"}

    def all(self, path: str, key: str) -> list[dict[str, Any]]:
        return [{"task_id": "work", "operator": "ArrayFanOut"}]

    def find(self, path: str) -> dict[str, Any] | None:
        return {"value": INFO} if path.endswith("/fan_out") else None


class S3:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        self.objects[Key] = Body


class Account:
    """What resume asks of a workspace."""

    def __init__(self) -> None:
        self.s3 = S3()

    def client(self, service: str) -> S3:
        return self.s3


def shown(rest: Any) -> tuple[Any, dict[str, Any]]:
    waiting = find_waiting(rest, "d", "r")
    return waiting, view_of(rest, waiting, {0: {"items": 4}}, 10.0, json.loads(json.dumps(DOCUMENT)))


def test_show_draws_the_document() -> None:
    _, view = shown(Rest())
    assert [batch["state"] for batch in view["batches"]] == ["success", "failed", "quarantined"]
    assert view["totals"]["states"] == {"success": 1, "failed": 1, "quarantined": 1}
    assert (view["batches"][0]["items"], view["batches"][1]["job_id"]) == (4, "job:1")


def test_resume_clears_the_waiting_task_alone_and_leaves_its_wishes_beside_the_plan() -> None:
    rest: Any = Rest()
    account: Any = Account()
    waiting, view = shown(rest)
    resume(account, rest, waiting, failed_batches(view, [2]), size="batch_large", capacity=None)
    [body] = rest.cleared
    assert (body["task_ids"], body["dag_run_id"], body["include_downstream"]) == (["work"], "r", True)
    asked = Resumed.from_json(account.s3.objects[resume_uri(MANIFEST, "r").removeprefix("s3://data/")])
    assert (asked.batches[2].generation, asked.batches[2].size) == (1, "batch_large")


def test_a_quarantined_batch_that_is_named_is_asked_for_without_other_settings_too() -> None:
    rest: Any = Rest()
    account: Any = Account()
    waiting, view = shown(rest)
    resume(account, rest, waiting, failed_batches(view, [2]), size=None, capacity=None)
    asked = Resumed.from_json(account.s3.objects[resume_uri(MANIFEST, "r").removeprefix("s3://data/")])
    assert asked.batches[2].generation == 1
    assert len(rest.cleared) == 1

"""The small pipelines in the deployed environment: emulator with IAM enforced, Airflow, lanes, results in S3."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import SECONDS
from tests.e2e.running import documents, run_dag, state_within, states_of, upload_orders

pytestmark = pytest.mark.timeout(SECONDS)


def test_a_document_is_written_once(environment: Path) -> None:
    for document in ({"b": 1, "a": "x"}, {"a": "x", "b": 1}):
        run = run_dag(environment, "s3_json", {"document": document})
        assert states_of(environment, run) == {"write": "success"}
    assert [json.loads(content) for _, content in documents(environment, "results/s3_json/")] == [{"a": "x", "b": 1}]


def test_a_source_is_transformed_once_per_state(environment: Path, tmp_path: Path) -> None:
    def files() -> list[Any]:
        found = documents(environment, "results/daily_transform/")
        return sorted(json.loads(content)["files"] for key, content in found if key.endswith(".json"))

    upload_orders(environment, tmp_path, "2026-01-01")
    run = run_dag(environment, "daily_transform", {})
    assert states_of(environment, run) == {"check_updated": "success", "transform": "success"}
    assert files() == [1]
    # Nothing new: it waits, without a worker. A new file ends the wait.
    waiting = run_dag(environment, "daily_transform", {"look_every_seconds": 1}, wait=False)
    state_within(environment, waiting, "check_updated", "deferred")
    upload_orders(environment, tmp_path, "2026-01-02")
    assert states_of(environment, waiting, wait=True) == {"check_updated": "success", "transform": "success"}
    assert files() == [1, 2]
    run = run_dag(environment, "daily_transform", {"wait_seconds": 0})
    assert states_of(environment, run) == {"check_updated": "skipped", "transform": "skipped"}

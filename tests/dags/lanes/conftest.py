"""The DAG kit without Airflow: everything below the operator and the trigger."""

import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
for folder in (ROOT, ROOT / "dags"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from lanes.attempts.identity import Attempt  # noqa: E402
from lanes.attempts.launch import Size  # noqa: E402
from lanes.batch.launch import BatchLaunch  # noqa: E402
from lanes.ecs.launch import EcsLaunch  # noqa: E402
from tests.dags.lanes.aws_stubs import StubbedAws  # noqa: E402


@pytest.fixture
def attempt() -> Attempt:
    return Attempt("dag", "manual__2026-11-20T10:00:00+00:00", "analyze", -1, 1, "019a", "life-1")


COMMON: dict[str, Any] = {
    "lane": "microbiome",
    "region": "eu-central-1",
    "command": ["analyze-batch", "--batch", "0"],
    "environment": {"TASKLANE_ENVIRONMENT": "dev"},
    "sizes": [Size("batch", 1024, 2048, 20), Size("batch_large", 2048, 8192, 50)],
    "capacity": "on_demand",
    "log_group": "/tasklane/dev/microbiome",
    "log_stream_prefix": "microbiome",
    "result_uri": None,
    "timeout_seconds": 7200.0,
}


@pytest.fixture
def make_launch(attempt: Attempt) -> Any:
    def make(**changes: Any) -> EcsLaunch:
        values: dict[str, Any] = {
            **COMMON,
            "attempt": attempt,
            "cluster": "tasklane-dev",
            "task_definition": "tasklane-dev-microbiome",
            "container": "microbiome",
            "subnets": ["subnet-1", "subnet-2"],
            "security_groups": ["sg-1"],
            "tags": {"tasklane:run": attempt.run_id},
        }
        return EcsLaunch(**{**values, **changes})

    return make


@pytest.fixture
def make_batch_launch(attempt: Attempt) -> Any:
    def make(**changes: Any) -> BatchLaunch:
        queues = {"job_definition": "definition:3", "job_queue": "queue", "spot_job_queue": "spot-queue"}
        values = {**COMMON, **queues, "attempt": attempt, "tags": {"tasklane:run": attempt.run_id}}
        return BatchLaunch(**{**values, **changes})

    return make


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Budgets so large and delays so short that only the order of things is left."""
    from lanes.attempts import retries
    from lanes.aws import calls, logs, poller

    monkeypatch.setattr(retries, "FIRST_DELAY_SECONDS", 1e-6)
    monkeypatch.setattr(calls, "CALLS_PER_SECOND", dict.fromkeys(calls.CALLS_PER_SECOND, 1e6))
    monkeypatch.setattr(poller, "SHORTEST_SECONDS", 0.0)
    monkeypatch.setattr(poller, "TASKS_PER_EXTRA_SECOND", 1e9)
    monkeypatch.setattr(logs, "GATHER_SECONDS", 0.0)


@pytest.fixture
def aws(no_waiting: None) -> Any:
    """Stubbed AWS; the test fails on a call that was not expected and on one that was not made."""
    stubbed = StubbedAws()
    yield stubbed
    stubbed.done()

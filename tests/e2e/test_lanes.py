"""The smallest pipeline in other lanes than its own, by a table of the environment's file: nothing else differs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.checkouts import VERSION, checkout_with
from tests.e2e.conftest import SECONDS, running_environment, working_in
from tests.e2e.running import api_of, client_of, documents, run_dag, states_of, upload_orders

pytestmark = pytest.mark.timeout(SECONDS)
TABLES = """
[tasks.s3_json]
lane = "ec2"
sizes.small = { cpu_units = 256, memory_mib = 512, instance_type = "m7g.large" }

[tasks.daily_transform]
lane = "batch"
"""


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment in which two tasks run elsewhere."""
    root = checkout_with(tmp_path_factory.mktemp("moved") / "repository", version=VERSION, tables=TABLES)
    with working_in(root), running_environment(tmp_path_factory.mktemp("environment") / "state") as folder:
        yield folder


def test_on_an_instance_of_the_cluster(moved: Path) -> None:
    run = run_dag(moved, "s3_json", {"document": {"lane": "ec2"}})
    assert states_of(moved, run) == {"write": "success"}
    assert [json.loads(content) for _, content in documents(moved, "results/s3_json/")] == [{"lane": "ec2"}]
    ecs, cluster = client_of(moved, "ecs"), "tasklane-local"
    (arn,) = ecs.list_tasks(cluster=cluster, family="tasklane-local-s3_json", desiredStatus="STOPPED")["taskArns"]
    (task,) = ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
    assert (task["launchType"], task["capacityProviderName"]) == ("EC2", "tasklane-local-m7g-large")


def test_in_a_queue_of_aws_batch(moved: Path, tmp_path: Path) -> None:
    upload_orders(moved, tmp_path, "2026-01-01")
    run = run_dag(moved, "daily_transform", {})
    assert states_of(moved, run) == {"check_updated": "success", "transform": "success"}
    assert [key for key, _ in documents(moved, "results/daily_transform/") if key.endswith(".json")]
    facts = api_of(moved).xcom(*run, "transform", "lanes_run")
    facts = json.loads(facts) if isinstance(facts, str) else facts
    (job,) = client_of(moved, "batch").describe_jobs(jobs=[facts["arn"]])["jobs"]
    assert job["status"] == "SUCCEEDED"
    assert "/tasklane-local-daily_transform:" in job["jobDefinition"]

"""The operator and the trigger inside Airflow. Run by the Python of each Airflow version (see the Makefile)."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
for folder in (ROOT, ROOT / "dags"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from platform_spec.tasks import load_tasks  # noqa: E402 (needs the path)

MANIFEST = {
    "environment": "dev",
    "release": "r1",
    "account": "111122223333",
    "region": "eu-central-1",
    "cluster": "tasklane-dev",
    "cluster_arn": "arn:aws:ecs:eu-central-1:111122223333:cluster/tasklane-dev",
    "subnets": ["subnet-1", "subnet-2"],
    "security_groups": ["sg-1"],
    "dag_bucket": "dags",
    "data_bucket": "data",
    "spot_share": 0.0,
    "pools": {"default_pool": 128, "bioinformatics": 10, "data": 4, "ml": 4, "platform": 2},
    "tasks": {
        "microbiome": {
            "family": "tasklane-dev-microbiome",
            "task_definition_arn": "arn:aws:ecs:eu-central-1:111122223333:task-definition/tasklane-dev-microbiome:3",
            "container": "microbiome",
            "image": "repository:tag",
            "log_group": "/tasklane/dev/microbiome",
            "log_stream_prefix": "microbiome",
            "owner": "bioinformatics",
            "architecture": "arm64",
            "timeout_minutes": 120,
            "stop_timeout_seconds": 30,
            "spot": True,
            "result_version": 1,
            "sizes": {
                "batch": {"cpu_units": 1024, "memory_mib": 2048, "grows_to": ["batch_large"]},
                "batch_large": {"cpu_units": 2048, "memory_mib": 8192, "storage_gib": 50},
            },
        }
    },
}
for other in (task for task in load_tasks(ROOT).values() if task.lane == "fargate"):
    sizes = {name: size.model_dump(mode="json") for name, size in other.sizes.items()}
    named = {"family": f"tasklane-dev-{other.name}", "container": other.name, "log_stream_prefix": other.name}
    template = {**MANIFEST["tasks"]["microbiome"], **named, "owner": other.owner, "sizes": sizes}
    MANIFEST["tasks"].setdefault(other.name, template)
_BATCH = "arn:aws:batch:eu-central-1:111122223333"
for other in (task for task in load_tasks(ROOT).values() if task.lane == "batch"):
    sizes = {name: size.model_dump(mode="json") for name, size in other.sizes.items()}
    template = {k: v for k, v in MANIFEST["tasks"]["microbiome"].items() if k not in ("family", "task_definition_arn")}
    MANIFEST["tasks"][other.name] = {
        **template,
        "lane": "batch",
        "job_definition_arn": f"{_BATCH}:job-definition/tasklane-dev-{other.name}:1",
        "job_queue_arn": f"{_BATCH}:job-queue/tasklane-dev-fargate",
        "spot_job_queue_arn": f"{_BATCH}:job-queue/tasklane-dev-fargate-spot" if other.spot else "",
        "container": "default",
        "log_stream_prefix": other.name,
        "owner": other.owner,
        "sizes": sizes,
    }

ON_A_WORKER = {
    "lane": "virtualenv",
    "bundle_uri": "s3://dags/virtualenvs/least_squares/src-1.json",
    "task_role_arn": "arn:aws:iam::111122223333:role/tasklane-dev-least_squares-task",
    "owner": "data",
    "architecture": "x86_64",
    "timeout_minutes": 10,
    "stop_timeout_seconds": 30,
    "spot": False,
    "result_version": 1,
}


@pytest.fixture(autouse=True)
def manifest(tmp_path, monkeypatch):
    """A deployment for the operator; returns a function that changes it."""
    from lanes.this_deployment import deployment

    path = tmp_path / "manifest.json"

    def write(**changes):
        path.write_text(json.dumps({**MANIFEST, **changes}))
        deployment.cache_clear()

    monkeypatch.setenv("TASKLANE_MANIFEST", str(path))
    write()
    yield write
    deployment.cache_clear()

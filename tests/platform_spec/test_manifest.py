"""The manifest beside the DAGs: read whole or refused with the file, the key and the command that mends it."""

import json
from pathlib import Path
from typing import Any

import pytest

from platform_spec.manifest import Manifest, ManifestError


def content() -> dict[str, Any]:
    task = {
        "family": "tasklane-dev-count",
        "task_definition_arn": "arn:aws:ecs:us-east-1:111122223333:task-definition/tasklane-dev-count:3",
        "container": "count",
        "image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/tasklane-dev/count@sha256:" + "0" * 64,
        "log_group": "/tasklane/dev/count",
        "log_stream_prefix": "count",
        "owner": "data",
        "architecture": "arm64",
        "timeout_minutes": 60,
        "stop_timeout_seconds": 30,
        "spot": True,
        "result_version": 1,
        "sizes": {"small": {"cpu_units": 256, "memory_mib": 512}, "large": {"cpu_units": 1024, "memory_mib": 2048}},
    }
    return {
        "environment": "dev",
        "release": "abc",
        "account": "111122223333",
        "region": "us-east-1",
        "cluster": "tasklane-dev",
        "cluster_arn": "arn:aws:ecs:us-east-1:111122223333:cluster/tasklane-dev",
        "subnets": ["subnet-1", "subnet-2"],
        "security_groups": ["sg-1"],
        "dag_bucket": "dags",
        "data_bucket": "data",
        "schedules": {"on": True, "off": False},
        "tasks": {"count": task},
    }


def written(folder: Path, value: object) -> Path:
    path = folder / "manifest.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_round_trip_and_defaults(tmp_path: Path) -> None:
    manifest = Manifest.read(written(tmp_path, content()))
    assert manifest.task("count").default_size == "small"
    assert manifest.schedule("on", "@daily") == "@daily"
    assert manifest.schedule("off", "@daily") is None
    assert manifest.schedule("unnamed", "@daily") is None
    assert Manifest.read(written(tmp_path, manifest.to_json())) == manifest


def test_unknown_task_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"task 'cuont' is not in the manifest of dev \(known: count\)"):
        Manifest.read(written(tmp_path, content())).task("cuont")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clutser": "x"}, "clutser: Extra inputs are not permitted"),
        ({"cluster": ""}, "cluster: String should have at least 1 character"),
        ({"schema_version": 2}, "schema_version 2, but these DAGs read 1"),
    ],
)
def test_a_bad_manifest_is_named_with_its_key_and_the_fix(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = written(tmp_path, {**content(), **change})
    with pytest.raises(ManifestError) as caught:
        Manifest.read(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "tasklane dags upload" in str(caught.value)


def test_a_task_names_what_its_lane_needs(tmp_path: Path) -> None:
    batch = content()
    batch["tasks"]["count"] |= {"lane": "batch", "family": "", "task_definition_arn": ""}
    with pytest.raises(ManifestError, match=r"tasks.count: .*lane batch needs job_definition_arn, job_queue_arn"):
        Manifest.read(written(tmp_path, batch))
    batch["tasks"]["count"] |= {"job_definition_arn": "arn:aws:batch:…:3", "job_queue_arn": "arn:aws:batch:…/q"}
    assert Manifest.read(written(tmp_path, batch)).task("count").spot_job_queue_arn == ""
    on_ecs = content()
    del on_ecs["tasks"]["count"]["task_definition_arn"]
    with pytest.raises(ManifestError, match="lane fargate needs task_definition_arn"):
        Manifest.read(written(tmp_path, on_ecs))


def test_a_missing_manifest_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read \\(No such file or directory\\); write it anew"):
        Manifest.read(tmp_path / "manifest.json")

"""A revision per image, none without need, old ones removed."""

import json
import time
from typing import Any

import boto3
import pytest
from moto import mock_aws
from newest_image.__main__ import main
from newest_image.images import can_run

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("TASKLANE_RESULT_URI", "s3://data/r.json")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="data")
        boto3.client("ecr").create_repository(repositoryName="env/app")
        yield boto3.client("ecs")


def base_of(ecs: Any, memory: str = "512") -> str:
    container = {"name": "app", "image": f"{REGISTRY}/env/app:src-1", "essential": True}
    definition = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": memory}
    made = ecs.register_task_definition(family="env-app", containerDefinitions=[container], **definition)
    return str(made["taskDefinition"]["taskDefinitionArn"])


def push(tag: str) -> str:
    form = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": form, "tag": tag})
    time.sleep(1.05)  # the registry tells the time of a push in whole seconds
    answer = boto3.client("ecr").put_image(repositoryName="env/app", imageManifest=manifest, imageTag=tag)
    return str(answer["image"]["imageId"]["imageDigest"])


def run(base: str, *arguments: str) -> dict[str, Any]:
    names = ["--registry", REGISTRY, "--repository", "env/app", "--base", base, "--family", "env-app-newest"]
    assert main([*names, *arguments]) == 0
    document = json.loads(boto3.client("s3").get_object(Bucket="data", Key="r.json")["Body"].read())
    return {**document["outputs"], **document["counts"], "peak": document["peak_memory_mib"]}


def test_the_result_tells_the_peak_memory(aws: Any) -> None:
    push("release-1")
    hoard = b"x" * (200 * 2**20)
    assert run(base_of(aws))["peak"] > len(hoard) / 2**20


def test_a_revision_per_image_and_none_without_need(aws: Any) -> None:
    base = base_of(aws)
    push("release-1")
    first = run(base)
    assert (first["registered"], run(base)["registered"]) == (1, 0)
    digest = push("release-2")
    second = run(base)
    assert second["image"] == f"{REGISTRY}/env/app@{digest}"
    definition = aws.describe_task_definition(taskDefinition=second["task_definition"])["taskDefinition"]
    assert definition["family"] == "env-app-newest"
    assert (definition["cpu"], definition["containerDefinitions"][0]["image"]) == ("256", second["image"])
    push("release-3")
    run(base)
    left = aws.list_task_definitions(familyPrefix="env-app-newest", status="ACTIVE")["taskDefinitionArns"]
    assert first["task_definition"] not in left
    assert len(left) == 2
    assert base in aws.list_task_definitions(familyPrefix="env-app", status="ACTIVE")["taskDefinitionArns"]


def test_a_deployment_that_changes_the_task_makes_a_new_revision(aws: Any) -> None:
    push("release-1")
    run(base_of(aws))
    assert run(base_of(aws, memory="1024"))["registered"] == 1


def test_only_matching_tags_count(aws: Any) -> None:
    wanted = push("release-1")
    push("test-9")
    assert run(base_of(aws), "--tags", "release-.*")["image"].endswith(wanted)


def test_what_lies_beside_an_image_is_none(aws: Any) -> None:
    wanted = push("src-1")
    push("src-1.cdx")  # the bill of materials that follows every image of this project
    push(f"sha256-{'0' * 64}.sig")
    assert run(base_of(aws))["image"].endswith(wanted)


@pytest.mark.parametrize(
    ("entry", "counts"),
    [
        ({}, True),  # an index of several architectures: ECR names no kind
        ({"artifactMediaType": "application/vnd.oci.image.config.v1+json", "imageStatus": "ACTIVE"}, True),
        ({"artifactMediaType": "application/vnd.cyclonedx+json"}, False),
        ({"artifactMediaType": "application/vnd.oci.empty.v1+json"}, False),
        ({"subjectManifestDigest": "sha256:1"}, False),
        ({"imageStatus": "ARCHIVED"}, False),
    ],
)
def test_only_what_a_container_can_be_started_from_counts(entry: dict[str, str], counts: bool) -> None:
    assert can_run(entry) is counts


@pytest.mark.parametrize(
    ("tags", "told"), [("release-.*", "it has: test-9"), ("(", "is no regular expression"), ("test", "push one")]
)
def test_what_is_missing_is_named(aws: Any, capsys: pytest.CaptureFixture[str], tags: str, told: str) -> None:
    push("test-9")
    names = ["--registry", REGISTRY, "--repository", "env/app", "--base", base_of(aws), "--family", "f", "--tags", tags]
    assert main(names) == 2
    assert told in capsys.readouterr().out


def test_no_repository(aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--registry", REGISTRY, "--repository", "env/none", "--base", base_of(aws), "--family", "f"]) == 2
    assert "there is no repository env/none" in capsys.readouterr().out

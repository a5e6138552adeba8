"""The worker's pull from the account's registry: by digest, with its own rights, once."""

import base64
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import boto3
import pytest

from tests.container_engine import BASE
from tests.dags.lanes_airflow.docker.conftest import (
    ACCOUNT,
    BUCKET,
    ENTRY,
    REGION,
    REPOSITORY,
    Machine,
    connected,
)

# A program of one file that any Debian image has: a layer that the engine has from nowhere else.
DOCKERFILE = f"""\
FROM {BASE} AS base
FROM scratch
COPY --from=base /sbin/ldconfig /ldconfig
COPY unique /unique
ENTRYPOINT ["/ldconfig"]
"""
ADDRESS = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
OTHER = "tasklane-dev/somebody-elses"


@pytest.fixture(scope="module")
def pushed(engine: str, aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Repository → name of its image as a manifest has it. The engine itself has it no more."""
    folder, client = tmp_path_factory.mktemp("ecr"), connected(engine)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    ecr = boto3.client(
        "ecr", endpoint_url=aws, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )
    [given] = ecr.get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    names = {}
    for repository in (REPOSITORY, OTHER):
        ecr.create_repository(repositoryName=repository)
        (folder / "unique").write_text(str(uuid.uuid4()))  # for Podman one digest is one image, whatever its repository
        name = f"{urlsplit(aws).netloc}/{repository}"
        assert not failed(client.build(path=str(folder), tag=f"{name}:1", rm=True, decode=True))
        login = {"username": user, "password": password}
        assert not failed(client.push(name, tag="1", auth_config=login, stream=True, decode=True))
        [image] = ecr.describe_images(repositoryName=repository)["imageDetails"]
        names[repository] = f"{ADDRESS}/{repository}@{image['imageDigest']}"
    for repository in names:
        client.remove_image(f"{urlsplit(aws).netloc}/{repository}:1", force=True)
    yield names
    for image in names.values():
        pulled = image.replace(ADDRESS, urlsplit(aws).netloc)
        if client.images(name=pulled.partition("@")[0]):
            client.remove_image(pulled, force=True)


def failed(said: Iterator[dict]) -> list[dict]:
    return [line for line in said if "error" in line]


def deployed(manifest, image: str) -> None:
    tasks = {"probe": {**ENTRY, "image": image}}
    manifest(account=ACCOUNT, region=REGION, data_bucket=BUCKET, tasks=tasks)


def test_an_image_is_pulled_once_by_its_digest(machine: Machine, manifest, pushed: dict[str, str], aws: str) -> None:
    image = pushed[REPOSITORY]
    pulled = image.replace(ADDRESS, urlsplit(aws).netloc)
    deployed(manifest, image)
    ended, output = machine.run("--version", run_id="pulled", result=False)
    assert "error" not in ended, output
    assert f"pulling {pulled}" in output
    assert "ldconfig (" in output
    [container] = machine.containers("pulled")
    assert container["Config"]["Image"] == pulled
    ended, output = machine.run("--version", run_id="there", result=False)
    assert "error" not in ended, output
    assert "pulling" not in output


def test_a_repository_that_the_workers_role_may_not_read(machine: Machine, manifest, pushed: dict[str, str]) -> None:
    deployed(manifest, pushed[OTHER])
    ended, output = machine.run("--version", run_id="denied", result=False)
    assert ended["error"].startswith("image: "), output
    assert "cannot be pulled: " in ended["error"]
    assert "not authorized to perform: ecr:BatchGetImage" in ended["error"] or "denied" in ended["error"].lower()
    assert machine.containers("denied") == []

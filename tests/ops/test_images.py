"""Images: named by the hash of their source, built and pushed once, pulled back by digest, explained by a document."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from typer.testing import CliRunner

from ops.errors import UserError
from ops.images.engines import answering_engine
from ops.images.login import log_in
from ops.images.registry import Registry, copy_image
from ops.images.repositories import digest_of_tag, pushed_images
from ops.images.sbom import MEDIA_TYPE, PACKAGES_PROPERTY
from ops.images.ship import build, chosen, image_states, push
from ops.main import app
from ops.workspace import Workspace
from tests.ops.conftest import forget_role, remove_images
from tests.ops.repository import make_repository

NO_ENGINE = "no image builder answers on this machine (docker, podman, buildah)"


@contextmanager
def workspace_for_images(folder: Path, emulator: str) -> Iterator[Workspace]:
    """A repository with a task that needs no base image, and its empty image repository in the emulator."""
    if answering_engine() is None:
        pytest.skip(NO_ENGINE)
    with pytest.MonkeyPatch.context() as shell:
        forget_role(shell)
        shell.setenv("AWS_ENDPOINT_URL", emulator)
        name = f"i{abs(hash(folder)) % 10**6}"
        workspace = Workspace(name, make_repository(folder, name))
        # Every test builds its own image, whatever other runs left in the engine.
        (folder / "task_images/hello/hello.txt").write_text(str(folder))
        workspace.client("ecr").create_repository(
            repositoryName=workspace.names.repository("hello"), imageTagMutability="IMMUTABLE"
        )
        yield workspace
    remove_images(folder)


@pytest.fixture
def shipping(tmp_path: Path, emulator: str) -> Iterator[Workspace]:
    """For a test that ships on its own."""
    with workspace_for_images(tmp_path, emulator) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory, emulator: str) -> Iterator[Workspace]:
    """With one image that was built and pushed; for tests that look."""
    with workspace_for_images(tmp_path_factory.mktemp("shipped"), emulator) as workspace:
        ship(workspace)
        yield workspace


def ship(workspace: Workspace) -> list[str]:
    said: list[str] = []
    states = image_states(workspace, chosen(workspace, []))
    build(workspace, states, said.append, {})
    push(workspace, states, said.append)
    return said


def test_a_changed_source_is_built_and_pushed_once(shipping: Workspace) -> None:
    assert [line.split()[1] for line in ship(shipping)] == ["building", "pushing"]
    assert ship(shipping) == []
    (shipping.root / "task_images/hello/hello.txt").write_text(f"other {shipping.root}")
    assert [line.split()[1] for line in ship(shipping)] == ["building", "pushing"]
    assert len(pushed_images(shipping, "hello")) == 2


def test_what_is_pulled_by_digest_is_what_was_pushed_with_labels(shipped: Workspace) -> None:
    [image] = pushed_images(shipped, "hello")
    with Registry(log_in(shipped)) as registry:
        repository = shipped.names.repository("hello")
        manifest = json.loads(registry.manifest(repository, image.digest)[0])
        config = json.loads(registry.blob(repository, manifest["config"]["digest"]))
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["config"]["Labels"].items()}
    assert (labels["title"], labels["version"], labels["licenses"]) == ("hello", image.tag, "Apache-2.0")
    assert labels["revision"].endswith("-dirty")
    assert config["architecture"] == "amd64"


def test_the_bill_of_materials_lies_beside_the_image(shipped: Workspace) -> None:
    [image] = pushed_images(shipped, "hello")
    with Registry(log_in(shipped)) as registry:
        repository = shipped.names.repository("hello")
        artifact = json.loads(registry.manifest(repository, image.tag + ".cdx")[0])
        bom = json.loads(registry.blob(repository, artifact["layers"][0]["digest"]))
    assert artifact["artifactType"] == MEDIA_TYPE
    assert artifact["subject"]["digest"] == image.digest
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bom)) is None
    assert bom["metadata"]["component"]["purl"].startswith(f"pkg:oci/hello@{image.digest}?tag={image.tag}")
    [said] = bom["metadata"]["component"]["properties"]
    assert said == {"name": PACKAGES_PROPERTY, "value": "none: the image has no /var/lib/dpkg/status"}
    [certifi] = [c for c in bom["components"] if c["name"] == "certifi"]
    assert certifi["purl"] == "pkg:pypi/certifi@2025.1.31"
    assert certifi["hashes"][0]["content"].startswith("3d5da692")


def test_the_engine_can_pull_by_digest_with_a_password_and_not_without(shipped: Workspace, tmp_path: Path) -> None:
    if not shutil.which("podman"):
        pytest.skip("podman is not installed")
    [image] = pushed_images(shipped, "hello")
    login, auth = log_in(shipped), tmp_path / "auth.json"
    auth.write_text(json.dumps({"auths": {login.host: {"auth": login.basic}}}))
    reference = f"{login.host}/{shipped.names.repository('hello')}@{image.digest}"
    argv = ["podman", "pull", "-q", "--tls-verify=false", reference]
    refused = subprocess.run([*argv, "--authfile", "/dev/null"], capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    pulled = subprocess.run([*argv, "--authfile", str(auth)], capture_output=True, text=True, check=False)
    assert pulled.returncode == 0, pulled.stderr
    subprocess.run(["podman", "rmi", "-f", pulled.stdout.strip()], capture_output=True, check=False)


def test_a_copy_keeps_the_digest(shipped: Workspace) -> None:
    [image] = pushed_images(shipped, "hello")
    shipped.client("ecr").create_repository(repositoryName="elsewhere/hello")
    with Registry(log_in(shipped)) as registry:
        pair = (shipped.names.repository("hello"), "elsewhere/hello")
        copy_image(registry, registry, pair, image.digest, "promoted")
    found = shipped.client("ecr").describe_images(repositoryName="elsewhere/hello")["imageDetails"]
    assert [(i["imageDigest"], i["imageTags"]) for i in found] == [(image.digest, ["promoted"])]


def test_whoever_was_killed_before_the_bill_of_materials_leaves_it_to_the_next(
    shipping: Workspace, emulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "attach", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        ship(shipping)
    monkeypatch.undo()
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    [state] = image_states(shipping, chosen(shipping, []))
    assert (state.action, state.digest) == ("describe", pushed_images(shipping, "hello")[0].digest)
    assert ship(shipping) == []
    assert image_states(shipping, chosen(shipping, []))[0].action == "none"


def test_a_registry_that_refuses_is_named_with_its_reason(shipping: Workspace) -> None:
    """A role that may log in but not push."""
    iam, sts = shipping.client("iam"), shipping.client("sts")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    arn = iam.create_role(RoleName="may-not-push", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    actions = ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_role_policy(RoleName="may-not-push", PolicyName="p", PolicyDocument=json.dumps(allowed))
    given = sts.assume_role(RoleArn=arn, RoleSessionName="weak")["Credentials"]
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv("AWS_ACCESS_KEY_ID", given["AccessKeyId"])
        shell.setenv("AWS_SECRET_ACCESS_KEY", given["SecretAccessKey"])
        shell.setenv("AWS_SESSION_TOKEN", given["SessionToken"])
        weak = Workspace(shipping.environment_name, shipping.root)
        with pytest.raises(UserError, match=r"could not push (.|\n)*not authorized to perform: ecr:"):
            ship(weak)
    assert digest_of_tag(shipping, "hello", image_states(shipping, chosen(shipping, []))[0].tag) is None


def test_an_unknown_task_and_a_missing_repository_are_explained(shipping: Workspace) -> None:
    with pytest.raises(UserError, match=r"no task nope \(allowed: hello\)"):
        chosen(shipping, ["nope"])
    shipping.client("ecr").delete_repository(repositoryName=shipping.names.repository("hello"), force=True)
    with pytest.raises(UserError, match="does not exist in account 000000000000; deploy the registry stack first"):
        image_states(shipping, chosen(shipping, []))


def test_dry_run_pushes_nothing_and_json_is_only_json(shipping: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKLANE_ROOT", str(shipping.root))
    called = CliRunner().invoke(app, ["images", "push", "--env", shipping.environment_name, "--dry-run", "--json"])
    assert called.exit_code == 0, called.output
    [image] = json.loads(called.stdout)["images"]
    assert (image["action"], image["digest"]) == ("build and push", "")
    assert pushed_images(shipping, "hello") == []

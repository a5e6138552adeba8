"""A repository of its own for each test, and a real S3 (the emulator) behind it."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops.deploy import Choices, bootstrap, deploy, deploy_stacks
from ops.images.engines import answering_engine
from ops.infrastructure.templates import synthesize
from ops.release.create import Outcome
from ops.workspace import Workspace
from tests.ops.emulator import running_emulator
from tests.ops.repository import ACCOUNT, make_repository

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY_LABEL = "org.opencontainers.image.source"
ROLE_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
HAS_ENGINE = answering_engine() is not None


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Endpoint of a local AWS that lives as long as the test session."""
    with running_emulator(tmp_path_factory.mktemp("aws")) as endpoint:
        yield endpoint


@pytest.fixture
def workspace(tmp_path: Path, emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A small repository with the real environment file, and an empty, versioned DAG bucket."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    (tmp_path / "environments").mkdir()
    shutil.copy(ROOT / "environments/local.toml", tmp_path / "environments")
    for folder, file in (
        ("dags", "a.py"),
        ("dags/lanes", "kit.py"),
        ("platform_spec", "manifest.py"),
        ("plugins", "p.py"),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / file).write_text(f"# {file}\n")
    (tmp_path / "dags/access.toml").write_text("[access]\n")
    made = Workspace("local", tmp_path)
    s3, bucket = made.client("s3"), made.names.dag_bucket
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    yield made
    for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    for marker in s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", []):
        s3.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])
    s3.delete_bucket(Bucket=bucket)


@dataclass
class Deployed:
    """An environment that was deployed from nothing, by the repository of a test module."""

    workspace: Workspace
    said: list[str]

    @property
    def root(self) -> Path:
        return self.workspace.root

    def again(self) -> Workspace:
        """A workspace that has read nothing yet."""
        return Workspace(self.workspace.environment_name, self.root)

    def deploy(self) -> Outcome:
        self.said.clear()
        return deploy(self.again(), self.said.append, Choices(images=HAS_ENGINE, airflow=False))


@pytest.fixture(scope="session")
def deployed_once(emulator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployed, dict[str, str]]]:
    """Environment `one`, deployed into an account in which nothing was, and the shell of its pipeline."""
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv("AWS_ENDPOINT_URL", emulator)
        root = make_repository(tmp_path_factory.mktemp("repository"), "one", "two")
        made = Deployed(Workspace("one", root), [])
        hand_over(made.again(), shell)
        made.deploy()
        variables = {name: os.environ[name] for name in ("AWS_ENDPOINT_URL", *ROLE_VARIABLES)}
    yield made, variables  # not inside: the tests between those that ask for it have a shell of their own
    remove_images(root)


@pytest.fixture
def deployed(deployed_once: tuple[Deployed, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """The environment in the shell of its pipeline: the deploy role's session, nothing else."""
    made, shell = deployed_once
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    return Deployed(made.again(), [])


def remove_images(root: Path) -> None:
    """Take what was built from a test's repository out of the engine: its images carry the path as a label."""
    engine = answering_engine()
    if engine is None or engine.name == "buildah":
        return
    asked = [engine.name, "images", "--quiet", "--filter", f"label={REPOSITORY_LABEL}={root}"]
    found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    if found:
        subprocess.run([engine.name, "rmi", "--force", *set(found)], capture_output=True, check=True)


def forget_role(shell: pytest.MonkeyPatch, account: str = ACCOUNT) -> None:
    """Back to a person with all rights in the account (local/aws/README.md: its number is the key of its root)."""
    for name in ROLE_VARIABLES:
        shell.delenv(name, raising=False)
    if account != ACCOUNT:
        shell.setenv("AWS_ACCESS_KEY_ID", account)
        shell.setenv("AWS_SECRET_ACCESS_KEY", "test")


def hand_over(workspace: Workspace, shell: pytest.MonkeyPatch) -> None:
    """What a person does once with the account's rights; from then on the shell has the pipeline's role."""
    forget_role(shell, workspace.environment.account)
    with ThreadPoolExecutor() as pool:
        bootstrapped = pool.submit(bootstrap, workspace, lambda line: None)
        synthesize(workspace)
        bootstrapped.result()
    deploy_stacks(workspace, [workspace.names.stack("delivery")], {}, lambda line: None)
    for name, value in role_session(
        workspace, workspace.names.deploy_role, f"environment:{workspace.environment_name}"
    ).items():
        shell.setenv(name, value)


def role_session(
    workspace: Workspace, role: str, job: str, repository: str = "example-org/data-platform"
) -> dict[str, str]:
    """The variables that GitHub's token of a job gives for a role; ClientError when the role's trust refuses it."""
    issuer = "https://token.actions.githubusercontent.com"
    claims = {"iss": issuer, "aud": "sts.amazonaws.com", "sub": f"repo:{repository}:{job}"}
    plain = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    parts = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in plain]
    given = workspace.client("sts").assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{workspace.environment.account}:role/{role}",
        RoleSessionName="pipeline",
        WebIdentityToken=".".join([*parts, "x"]),
    )["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }

"""A real container engine, a local AWS with IAM on, and an image that holds the AWS SDK and one program."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import docker
import pytest

from tests.container_engine import BASE, running_engine
from tests.ops.emulator import running_emulator, tell_emulator

HERE = Path(__file__).parent
ACCOUNT, REGION, BUCKET, REPOSITORY = "000000000000", "us-east-1", "data", "tasklane-dev/probe"
IMAGE = "localhost/tasklane-tests/probe:1"
ROLE, WORKER = f"arn:aws:iam::{ACCOUNT}:role/tasklane-dev-probe-task", f"arn:aws:iam::{ACCOUNT}:role/airflow-worker"
SERVICE = "airflow-env.amazonaws.com"
SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")
# Services whose description the SDK needs; the others are 100 MB.
KEPT = {"s3", "sts", "sso", "sso-oidc", "signin"}
DOCKERFILE = f"""\
FROM {BASE}
COPY sdk /sdk
COPY program.py /program.py
COPY --chown=10001 scratch /scratch
ENV PYTHONPATH=/sdk PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
VOLUME /scratch
ENTRYPOINT ["python", "/program.py"]
"""
# podman 4 in a container sets a limit of open files that its own kernel refuses, unless it is told one.
ULIMITS = [{"Name": "nofile", "Soft": 1024, "Hard": 2048}, {"Name": "nproc", "Soft": 1000, "Hard": 1000}]
ENTRY = {
    "lane": "docker",
    "task_role_arn": ROLE,
    "container": "probe",
    "image": IMAGE,
    "owner": "data",
    "architecture": "x86_64",
    "timeout_minutes": 10,
    "stop_timeout_seconds": 3,
    "spot": False,
    "result_version": 1,
    "sizes": {
        "small": {"cpu_units": 512, "memory_mib": 128, "grows_to": ["large"]},
        "large": {"cpu_units": 512, "memory_mib": 1024},
        "alone": {"cpu_units": 512, "memory_mib": 128},
    },
}


@dataclass
class Machine:
    """Where the worker runs: `environment` is what its process gets."""

    environment: dict[str, str]
    endpoint: str
    client: docker.APIClient

    def start(self, *command: str, run_id: str, try_number: int = 1, **arguments: object) -> subprocess.Popen[str]:
        asked = {"command": list(command), "run_id": run_id, "try_number": try_number}
        asked |= {"attempt_id": f"{run_id}-{try_number}", "arguments": {"ulimits": ULIMITS, **arguments}}
        argv = [sys.executable, str(HERE / "worker.py"), json.dumps(asked)]
        return subprocess.Popen(argv, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *command: str, **asked) -> tuple[dict, str]:
        """What came of it, and the task's log."""
        output, _ = self.start(*command, **asked).communicate(timeout=300)
        return json.loads(output.splitlines()[-1]), output

    def containers(self, run_id: str) -> list[dict]:
        """Those of one task instance, whatever their state."""
        return containers_of(self.client, "dev", run_id)

    def until(self, what: Callable[[], object]) -> None:
        limit = time.monotonic() + 900
        while not what():
            assert time.monotonic() < limit
            time.sleep(0.1)

    def running(self, run_id: str) -> dict:
        """The container once its program has said that it waits."""
        self.until(lambda: any(b"waiting" in self.client.logs(one["Id"]) for one in self.containers(run_id)))
        [container] = self.containers(run_id)
        return container


def containers_of(client: docker.APIClient, environment: str, run_id: str) -> list[dict]:
    """Those of a run, whatever their state, the oldest first."""
    inspected = []
    for one in client.containers(all=True, filters={"label": f"tasklane.environment={environment}"}):
        with suppress(docker.errors.NotFound):  # Docker lists what it is still making, or removing
            inspected.append(client.inspect_container(one["Id"]))
    mine = [one for one in inspected if f"TASKLANE_RUN_ID={run_id}" in one["Config"]["Env"]]
    return sorted(mine, key=lambda one: one["Created"])


def remove_containers(client: docker.APIClient, environment: str) -> None:
    for one in client.containers(all=True, filters={"label": f"tasklane.environment={environment}"}):
        client.remove_container(one["Id"], force=True, v=True)


@pytest.fixture(scope="session")
def engine(aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an engine's API that has the image; skips where there is none, or nothing to build it from."""
    with running_engine(tmp_path_factory.mktemp("service"), registry=urlsplit(aws).netloc) as engine:
        build(engine.address, tmp_path_factory.mktemp("image"))
        yield engine.address


def build(address: str, folder: Path) -> None:
    client = connected(address)
    if not client.images(name=BASE):
        pytest.skip(f"the engine at {address} has no image {BASE}; TASKLANE_TEST_BASE names another with Python 3.12")
    packages = Path(boto3.__file__).parents[1]
    for part in SDK:
        if part.endswith(".py"):
            (folder / "sdk").mkdir(exist_ok=True)
            shutil.copy(packages / part, folder / "sdk")
        else:
            shutil.copytree(packages / part, folder / "sdk" / part, ignore=left_out)
    shutil.copy(HERE / "program.py", folder)
    (folder / "scratch").mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE)
    said = list(client.build(path=str(folder), tag=IMAGE, rm=True, decode=True))
    assert not any("error" in line for line in said), said


def left_out(folder: str, names: list[str]) -> set[str]:
    if Path(folder).parts[-2:] == ("botocore", "data"):
        return {name for name in names if name not in KEPT and not name.endswith((".json", ".json.gz"))}
    return {"__pycache__"} & set(names)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local AWS with the roles as the stacks make them (tests/stacks/test_docker.py): of the worker, of the task."""
    with running_emulator(tmp_path_factory.mktemp("aws")) as endpoint:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
        iam, s3 = (boto3.client(name, endpoint_url=endpoint, **keys) for name in ("iam", "s3"))
        s3.create_bucket(Bucket=BUCKET)
        objects = f"arn:aws:s3:::{BUCKET}/runs/probe/*"
        repository = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{REPOSITORY}"
        pull = {
            "ecr:GetAuthorizationToken": "*",
            "ecr:BatchGetImage": repository,
            "ecr:GetDownloadUrlForLayer": repository,
        }
        role(iam, WORKER, {"Service": SERVICE}, {"sts:AssumeRole": ROLE, "s3:GetObject": objects, **pull})
        role(iam, ROLE, {"AWS": WORKER}, {"s3:PutObject": objects})
        yield endpoint


def role(iam, arn: str, principal: dict[str, str], rights: dict[str, str]) -> None:
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    given = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in rights.items()]
    name, of = arn.rsplit("/", 1)[1], lambda statements: json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=of([trust]))
    iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=of(given))


@pytest.fixture
def machine(engine: str, aws: str, manifest, tmp_path: Path) -> Iterator[Machine]:
    manifest(account=ACCOUNT, region=REGION, data_bucket=BUCKET, tasks={"probe": ENTRY})
    given = tell_emulator(aws, "credentials", {"role_arn": WORKER, "service": SERVICE})
    environment = {
        **{name: os.environ[name] for name in ("PATH", "TASKLANE_MANIFEST")},
        "HOME": str(tmp_path),
        "AIRFLOW_HOME": str(tmp_path),
        "DOCKER_HOST": engine,
        "AWS_ENDPOINT_URL": aws,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": given["full_uri"],
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": given["authorization_token"],
    }
    client = connected(engine)
    yield Machine(environment, aws, client)
    remove_containers(client, "dev")


def connected(address: str) -> docker.APIClient:
    """Its client, once it answers."""
    for _ in range(300):
        try:
            return docker.APIClient(base_url=address, version="auto")
        except docker.errors.DockerException:  # the socket is not there yet
            time.sleep(0.1)
    return docker.APIClient(base_url=address, version="auto")

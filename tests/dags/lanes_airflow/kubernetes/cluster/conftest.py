"""A real API server, which a local AWS knows as the EKS cluster `data`; Airflow's role has an access entry in it.

What is applied in the cluster is what `tasklane kubernetes objects` prints. Needs KUBEBUILDER_ASSETS.
"""

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import boto3
import pytest

from lanes import run_task
from lanes.attempts.identity import Attempt
from lanes.aws import logs, poller
from lanes.kubernetes.names import pod_name
from tests.cluster.assets import API_SERVER, need
from tests.cluster.control_plane import ISSUER, ControlPlane, control_plane
from tests.ops.emulator import running_emulator, tell_emulator

ROOT = Path(__file__).resolve().parents[5]
ACCOUNT, REGION, BUCKET, NAMESPACE, CLUSTER = "000000000000", "us-east-1", "data", "tasklane-dev", "data"
AIRFLOW, TASK_ROLE = f"arn:aws:iam::{ACCOUNT}:role/airflow", f"arn:aws:iam::{ACCOUNT}:role/tasklane-dev-probe-task"
PATIENCE_SECONDS = 120
SERVICE = "airflow-env.amazonaws.com"
TASK = """
purpose = "runs in a cluster"
owner = "platform"
lane = "kubernetes"
timeout_minutes = 10
[sizes.small]
cpu_units = 256
memory_mib = 512
"""
TABLE = f'[kubernetes]\ncluster = "{CLUSTER}"\nnamespace = "{NAMESPACE}"\noidc_issuer = "{ISSUER}"\n'
ENTRY = {
    "lane": "kubernetes",
    "task_role_arn": TASK_ROLE,
    "service_account": "probe",
    "container": "probe",
    "image": "localhost/tasklane-tests/probe:1",
    "owner": "data",
    "architecture": "x86_64",
    "timeout_minutes": 10,
    "stop_timeout_seconds": 3,
    "spot": False,
    "result_version": 1,
    "sizes": {
        "small": {"cpu_units": 256, "memory_mib": 192, "grows_to": ["large"]},
        "large": {"cpu_units": 256, "memory_mib": 512},
    },
}


@dataclass
class Lane:
    """The lane with Airflow's role in one namespace of the cluster."""

    plane: ControlPlane
    aws: str
    manifest: ClassVar[dict[str, Any]] = {
        "account": ACCOUNT,
        "region": REGION,
        "data_bucket": BUCKET,
        "kubernetes": {"cluster": CLUSTER, "namespace": NAMESPACE},
        "tasks": {"probe": ENTRY},
    }

    @property
    def pods(self) -> dict[str, dict[str, Any]]:
        found = self.plane.ask("GET", f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
        return {pod["metadata"]["name"]: pod for pod in found}

    def status(self, name: str, **status: Any) -> None:
        """What a kubelet would report; the API server checks that it is one."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/status"
        headers = {"Content-Type": "application/merge-patch+json"}
        self.plane.ask("PATCH", path, {"status": status}, headers=headers)

    def ends(self, name: str, code: int, word: str = "", **status: Any) -> None:
        moment = "2026-11-20T12:00:00Z"
        word = word or ("Completed" if code == 0 else "Error")
        state = {"terminated": {"exitCode": code, "reason": word, "startedAt": moment, "finishedAt": moment}}
        named = {"name": "probe", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        self.status(name, phase="Failed" if code else "Succeeded", containerStatuses=[named], **status)


def attempt_of(run_id: str = "r", try_number: int = 1) -> Attempt:
    names = {"dag_id": "d", "run_id": run_id, "task_id": "work", "map_index": -1, "max_tries": 3}
    ti = SimpleNamespace(**names, try_number=try_number, id=f"{run_id}-{try_number}")
    return Attempt.of(ti, SimpleNamespace(start_date=1, run_after=2, conf={}))


def trigger_of(attempt: Attempt, *command: str, result: bool = False, **arguments: Any):
    """The trigger as another triggerer gets it."""
    from lanes.kubernetes.trigger import RunInPodTrigger

    task = run_task("probe", task_id="work", command=list(command) or ["count"], result=result, **arguments)
    _, kwargs = task.trigger_of(task.launch_of(attempt), resume_on_success=False).serialize()
    return RunInPodTrigger(**json.loads(json.dumps(kwargs)))


def run(attempt: Attempt, *command: str, while_it_runs: Callable[[], Any] | None = None, **arguments: Any):
    """(the outcome, the AttemptRun); `while_it_runs` acts in a thread beside it."""

    async def both():
        holder: list = []
        trigger = trigger_of(attempt, *command, **arguments)
        beside = asyncio.create_task(asyncio.to_thread(while_it_runs)) if while_it_runs else None
        outcome = await trigger.attempt(holder)
        if beside:
            assert outcome.arn, outcome.failure
            await beside
        return outcome, holder[0]

    return asyncio.run(both())


def until(what: Callable[[], object]) -> None:
    limit = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.1)


def killed(attempt: Attempt, *command: str, when: Callable[[], object] = lambda: True, **arguments: Any) -> str:
    """A person ends the task once its pod is there, and `when` says so; the pod's name."""

    async def ended() -> str:
        holder: list = []
        running = asyncio.create_task(trigger_of(attempt, *command, **arguments).attempt(holder))
        await asyncio.to_thread(until, lambda: holder and holder[0].arn and when())
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await holder[0].stop("the Airflow task was ended or cleared")
        return holder[0].arn

    return asyncio.run(ended())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    """Named to EKS before it starts: its API server is told where tokens are reviewed."""
    need(*API_SERVER)
    with running_emulator(tmp_path_factory.mktemp("aws")) as aws:
        told = {"account": ACCOUNT, "region": REGION, "name": CLUSTER, "endpoint": "https://127.0.0.1:1"}
        unknown = {"certificate_authority": "", "issuer": ISSUER, "keys": []}
        reviews = tell_emulator(aws, "cluster", {**told, **unknown})["authenticator"]
        with control_plane(tmp_path_factory.mktemp("plane"), authenticator=reviews) as plane:
            known = {"endpoint": plane.endpoint, "certificate_authority": plane.serving.bundle}
            known["keys"] = plane.ask("GET", "/openid/v1/jwks")["keys"]
            tell_emulator(aws, "cluster", {**told, "issuer": ISSUER, **known})
            make_roles(aws)
            yield Lane(plane, aws)


def client(aws: str, service: str):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
    return boto3.client(service, endpoint_url=aws, **keys)


def make_roles(aws: str) -> None:
    """As the stacks make them (tests/stacks/test_kubernetes.py), and Airflow's access entry."""
    client(aws, "s3").create_bucket(Bucket=BUCKET)
    objects, issuer = f"arn:aws:s3:::{BUCKET}/runs/probe/*", ISSUER.removeprefix("https://")
    found = {"eks:DescribeCluster": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{CLUSTER}", "s3:GetObject": objects}
    role(aws, AIRFLOW, {"Service": SERVICE}, "sts:AssumeRole", {}, found)
    provider = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"}
    token = {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": f"system:serviceaccount:{NAMESPACE}:probe"}
    rights = {"s3:PutObject": objects}
    role(aws, TASK_ROLE, provider, "sts:AssumeRoleWithWebIdentity", {"Condition": {"StringEquals": token}}, rights)
    entry = {"clusterName": CLUSTER, "principalArn": AIRFLOW, "kubernetesGroups": ["tasklane-airflow"]}
    client(aws, "eks").create_access_entry(**entry)


def role(aws: str, arn: str, principal: dict, action: str, extra: dict, rights: dict[str, str]) -> None:
    trust = {"Effect": "Allow", "Principal": principal, "Action": action, **extra}
    given = [{"Effect": "Allow", "Action": one, "Resource": resource} for one, resource in rights.items()]
    name, of = arn.rpartition("/")[2], lambda statements: json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam = client(aws, "iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=of([trust]))
    iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=of(given))


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What `tasklane kubernetes objects` prints for an environment with this cluster and the task `probe`."""
    root = tmp_path_factory.mktemp("repository")
    for name, text in {"task_images/probe/task.toml": TASK, "task_images/probe/Dockerfile": "FROM scratch\n"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "environments").mkdir()
    settings = (ROOT / "environments/dev.toml").read_text().replace("111122223333", ACCOUNT)
    (root / "environments/dev.toml").write_text(settings + TABLE)
    argv = [str(ROOT / ".venv/bin/tasklane"), "kubernetes", "objects", "--env", "dev"]
    done = subprocess.run(argv, env={"TASKLANE_ROOT": str(root)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["items"]


@pytest.fixture
def lane(cluster: Lane, objects, manifest, monkeypatch) -> Iterator[Lane]:
    """The objects as they were printed, no pods; this process is Airflow's, with its role."""
    cluster.plane.apply(objects)
    given = tell_emulator(cluster.aws, "credentials", {"role_arn": AIRFLOW, "service": SERVICE})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cluster.aws)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", given["full_uri"])
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", given["authorization_token"])
    monkeypatch.setattr(poller, "SHORTEST_SECONDS", 0.2)
    monkeypatch.setattr(logs, "LOOK_EVERY_SECONDS", 0.5)
    manifest(**cluster.manifest)
    yield cluster
    for name in cluster.pods:
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}"
        cluster.plane.admin.request("DELETE", path, json={"gracePeriodSeconds": 0})


def first_pod(attempt: Attempt) -> str:
    return pod_name(attempt, 0)

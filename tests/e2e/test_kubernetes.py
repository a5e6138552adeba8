"""The lane `kubernetes`, deployed: a bundled pipeline in a pod of a real cluster, IAM enforced, each with its own role.

The cluster is the local AWS's EKS cluster `data`; the objects in it are those of `tasklane kubernetes objects`. The
task's image is put together from its own locked environment, under the name that the deployment gives it, and lies on
the node: nothing is pulled.
"""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.state import State
from tests.cluster.assets import API_SERVER, NODE, cni_plugins, need
from tests.cluster.control_plane import ISSUER, ControlPlane, control_plane
from tests.cluster.forward import forwarded
from tests.cluster.node import Node, node
from tests.cluster.pod_identity import pod_identity
from tests.container_engine import BASE
from tests.e2e.checkouts import VERSION, checkout_with
from tests.e2e.conftest import ROOT, SECONDS, call, ends_of_logs, running_environment, working_in
from tests.e2e.running import api_of, client_of, documents, run_dag, states_of

pytestmark = pytest.mark.timeout(2 * SECONDS)
IMAGE = "localhost/tasklane-tests/s3_json:1"
DOCKERFILE = f"""\
FROM {BASE}
COPY packages /packages
ENV PYTHONPATH=/packages PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["python", "-m", "s3_json"]
"""
TABLES = f"""
[kubernetes]
cluster = "data"
namespace = "tasklane-local"
oidc_issuer = "{ISSUER}"

[tasks.s3_json]
lane = "kubernetes"
architecture = "{"arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"}"
"""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The state folder of an environment whose task s3_json runs in the cluster; where the cluster reviews tokens."""
    need(*API_SERVER, *NODE)
    cni_plugins()
    if shutil.which("podman") is None or subprocess.run(["podman", "image", "exists", BASE], check=False).returncode:
        pytest.skip(f"no podman with an image {BASE}; TASKLANE_TEST_BASE names another with Python 3.12")
    root = checkout_with(tmp_path_factory.mktemp("cluster") / "repository", version=VERSION, tables=TABLES)
    settings = root / "environments/local.toml"
    settings.write_text(settings.read_text().replace("[network]\n", '[network]\nmode = "nat"\nnat_gateways = 1\n'))
    with (root / "mwaa/requirements.txt").open("a") as requirements:
        requirements.write("apache-airflow-providers-cncf-kubernetes\n")
    folder, reviews = tmp_path_factory.mktemp("environment") / "state", list[str]()
    threading.Thread(target=lambda: reviews.append(first_told(folder)), daemon=True).start()
    with working_in(root), running_environment(folder) as state:
        yield state, reviews[0]


def first_told(folder: Path) -> str:
    """EKS knows the cluster before the stacks are deployed; its address and keys follow."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        state = State.load(folder)
        try:
            if state and httpx.get(f"{state.endpoint_url}/_tasklane/health", timeout=2).status_code == 200:
                return tell(state, endpoint="https://127.0.0.1:1", certificate_authority="", keys=[])
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise TimeoutError(folder)


def tell(state: State, **cluster: Any) -> str:
    where = {"account": "000000000000", "region": "us-east-1", "name": "data", "issuer": ISSUER}
    header, url = {"authorization": state.token}, f"{state.endpoint_url}/_tasklane/cluster"
    answer = httpx.post(url, headers=header, json={**where, **cluster}, timeout=30)
    return str(answer.raise_for_status().json()["authenticator"])


@pytest.fixture(scope="module")
def cluster(deployed: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder, reviews = deployed
    state = State.load(folder)
    assert state is not None
    build(tmp_path_factory.mktemp("image"))
    with control_plane(tmp_path_factory.mktemp("plane"), authenticator=reviews) as plane:
        keys = plane.ask("GET", "/openid/v1/jwks")["keys"]
        tell(state, endpoint=plane.endpoint, certificate_authority=plane.serving.bundle, keys=keys)
        printed = call(".venv/bin/tasklane", "kubernetes", "objects", "--env", "local")
        assert printed.returncode == 0, printed.stderr
        plane.apply(json.loads(printed.stdout)["items"])
        with node(plane, BASE, IMAGE) as made:
            made.ctr("images", "tag", IMAGE, image_of(folder))
            with (
                forwarded(made.address, state.emulator_port) as port,
                pod_identity(plane, f"http://{made.address}:{port}"),
            ):
                yield made


def build(folder: Path) -> None:
    packages = ROOT / ".venvs/s3_json/lib/python3.12/site-packages"
    shutil.copytree(
        packages, folder / "packages", ignore=shutil.ignore_patterns("__pycache__", "*.pth", "__editable__*")
    )
    shutil.copytree(ROOT / "task_images/s3_json/src/s3_json", folder / "packages/s3_json", dirs_exist_ok=True)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    subprocess.run(["podman", "build", "-q", "-t", IMAGE, str(folder)], check=True, capture_output=True)


def image_of(folder: Path) -> str:
    """The deployment's name for it."""
    found = client_of(folder, "ssm").get_parameter(Name="/tasklane/local/deployment/tasks/s3_json")
    return str(json.loads(found["Parameter"]["Value"])["image"])


def pods_of(plane: ControlPlane) -> list[dict[str, Any]]:
    return list(plane.ask("GET", "/api/v1/namespaces/tasklane-local/pods")["items"])


def who(call: dict[str, Any]) -> str:
    """The role of a session that called AWS."""
    assert ":assumed-role/" in call["principal"], call
    return str(call["principal"].split("/")[1])


def test_a_bundled_pipeline_in_a_pod(deployed: tuple[Path, str], cluster: Node) -> None:
    folder, _ = deployed
    run = run_dag(folder, "s3_json", {"document": {"lane": "kubernetes"}})
    log = "\n".join(api_of(folder).log(*run, "write", 1))
    assert states_of(folder, run) == {"write": "success"}, log + ends_of_logs(folder)
    assert [json.loads(content) for _, content in documents(folder, "results/s3_json/")] == [{"lane": "kubernetes"}]
    [pod] = pods_of(cluster.plane)
    assert pod["status"]["phase"] == "Succeeded"
    assert pod["spec"]["nodeName"] == "localhost"
    assert pod["metadata"]["name"] in log

    # The task wrote with its own role, Airflow asked for the cluster with its own, and neither could do more.
    calls = [json.loads(line) for line in (folder / "logs/authorised-calls.jsonl").read_text().splitlines()]
    wrote = {
        who(call) for call in calls if call["action"] == "s3:PutObject" and "/results/s3_json/" in call["resource"]
    }
    assert wrote == {"tasklane-local-s3_json-task"}
    asked = {who(call) for call in calls if call["action"] == "eks:DescribeCluster"}
    assert asked == {"tasklane-local-airflow"}
    # What the cluster made of Airflow's role: the group of the access entry, which is what the stack deployed.
    entry = client_of(folder, "eks").describe_access_entry(
        clusterName="data", principalArn="arn:aws:iam::000000000000:role/tasklane-local-airflow"
    )["accessEntry"]
    assert entry["kubernetesGroups"] == ["tasklane-airflow"]

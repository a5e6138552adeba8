"""The task image as a user ships it: built, pushed, pinned by digest, pulled by ECS and run on samples.

Needs podman or docker and a Python 3.12 base image, by default one of the name BASE that is on this machine;
TASKLANE_BUILD_OPTIONS names another (`--build-arg BASE=…`) and whatever else a build needs here.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from ops.deploy import Choices, deploy
from ops.images.engines import OPTIONS_VARIABLE, build_options
from ops.images.login import log_in
from ops.images.registry import Registry
from ops.images.repositories import pushed_images
from ops.release.store import ReleaseStore
from ops.workspace import Workspace
from platform_spec.fan_out import SCHEMA_VERSION
from tests.ops.conftest import forget_role, hand_over
from tests.ops.emulator import running_emulator, tell_emulator
from tests.ops.repository import ROOT, commit, make_repository

BASE = "localhost/python:3.12"
TASK = "microbiome"
SIMULATED = ["simulate", "--samples", "2", "--seed", "7", "--out"]


def engine_with_base() -> str:
    """The engine that ECS tasks run in; skips where there is none, or nothing to build the image from."""
    for name in ("podman", "docker"):
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            break
    else:
        pytest.skip("neither podman nor docker answers on this machine")
    if not build_options() and subprocess.run([name, "image", "inspect", BASE], capture_output=True).returncode:
        pytest.skip(f"{name} has no image {BASE}; set {OPTIONS_VARIABLE}='--build-arg BASE=…' to use another base")
    return name


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Environment `one` with the bundled task alone, deployed with its image by the deploy role."""
    engine = engine_with_base()
    images = {f"tasklane-one/{TASK}": {"runtime": engine, "engine": engine}}
    folder, variables = tmp_path_factory.mktemp("aws"), {}
    if engine == "podman":  # a store of its own, as on another machine: every layer must come from the registry
        variables["CONTAINERS_STORAGE_CONF"] = str(store_of_its_own(folder))
    with running_emulator(folder, images, **variables) as endpoint, pytest.MonkeyPatch.context() as shell:
        shell.setenv("AWS_ENDPOINT_URL", endpoint)
        shell.setenv("TASKLANE_ENGINE", engine)
        if not build_options():
            shell.setenv(OPTIONS_VARIABLE, f"--build-arg BASE={BASE}")
        workspace = Workspace("one", repository(tmp_path_factory.mktemp("repository")))
        hand_over(Workspace("one", workspace.root), shell)
        said: list[str] = []
        deploy(workspace, said.append, Choices(airflow=False))
        yield workspace
        [image] = pushed_images(workspace, TASK)
        pulled = f"{endpoint.removeprefix('http://')}/{workspace.names.repository(TASK)}@{image.digest}"
        subprocess.run([engine, "rmi", pulled], env={**os.environ, **variables}, capture_output=True, check=True)
    shutil.rmtree(folder)


def store_of_its_own(folder: Path) -> Path:
    """The configuration of an empty image store (containers-storage.conf(5))."""
    path = folder / "storage.conf"
    path.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n')
    return path


def repository(folder: Path) -> Path:
    """The real stacks and the bundled image, for this machine's architecture."""
    made = make_repository(folder, "one")
    shutil.rmtree(made / "task_images/hello")
    ignored = shutil.ignore_patterns("__pycache__", "tests", "build", "*.egg-info")
    shutil.copytree(ROOT / "task_images" / TASK, made / "task_images" / TASK, ignore=ignored)
    declaration = made / "task_images" / TASK / "task.toml"
    here = "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"
    declaration.write_text(declaration.read_text().replace('"arm64"', f'"{here}"'))
    commit(made)
    return made


def client(workspace: Workspace, service: str) -> Any:
    """Of a person with all rights in the account."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    region, endpoint = workspace.environment.region, os.environ["AWS_ENDPOINT_URL"]
    return boto3.client(service, region_name=region, endpoint_url=endpoint, **keys)  # type: ignore[call-overload]


def as_airflow(workspace: Workspace, service: str) -> Any:
    """Of the environment's Airflow: the deployed execution role."""
    account, role = workspace.environment.account, workspace.names.airflow_role
    asked = {"role_arn": f"arn:aws:iam::{account}:role/{role}", "service": "airflow-env.amazonaws.com"}
    given = tell_emulator(os.environ["AWS_ENDPOINT_URL"], "credentials", asked)
    token = {"authorization": given["authorization_token"]}
    keys = httpx.get(given["full_uri"], headers=token, timeout=10).raise_for_status().json()
    return boto3.client(  # type: ignore[call-overload]
        service,
        region_name=workspace.environment.region,
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["Token"],
    )


def put_samples(workspace: Workspace, folder: Path) -> tuple[str, list[str]]:
    """Generated reads and a manifest with one batch of them; (its URI, the keys of the results)."""
    python = str(ROOT / f".venvs/{TASK}/bin/python")
    subprocess.run([python, "-m", TASK, *SIMULATED, str(folder)], check=True, capture_output=True)
    s3, bucket = client(workspace, "s3"), workspace.names.data_bucket
    items = []
    for first in sorted((folder / "reads").glob("*_R1_*")):
        pair = [first, first.with_name(first.name.replace("_R1_", "_R2_"))]
        for path in pair:
            s3.upload_file(str(path), bucket, f"raw/{path.name}")
        files = [f"s3://{bucket}/raw/{path.name}" for path in pair]
        result = f"s3://{bucket}/samples/{TASK}/v2/{first.name.split('_')[0]}"
        facts = {"bytes": first.stat().st_size, "batch": 0, "problem": "", "layout": "paired"}
        items.append({"key": first.name.split("_")[0], "files": files, "result": result, **facts})
    s3.upload_file(str(folder / "reference.fasta.gz"), bucket, "reference/r.fasta.gz")
    parameters = {"samples_uri": f"s3://{bucket}/samples/{TASK}", "reference": f"s3://{bucket}/reference/r.fasta.gz"}
    document = {"schema_version": SCHEMA_VERSION, "dag_id": "test", "parameters": parameters, "items": items}
    s3.put_object(Bucket=bucket, Key="fanout/test/m.json", Body=json.dumps(document).encode())
    return f"s3://{bucket}/fanout/test/m.json", [item["result"].split("/", 3)[3] + ".json" for item in items]


def run_to_its_end(workspace: Workspace, command: list[str]) -> dict[str, Any]:
    """The description of a task that Airflow's role started with the released revision."""
    running = ReleaseStore(workspace).running()
    assert running is not None
    manifest, ecs = running.manifest, as_airflow(workspace, "ecs")
    network = {"subnets": list(manifest.subnets), "securityGroups": list(manifest.security_groups)}
    answer = ecs.run_task(
        cluster=manifest.cluster,
        taskDefinition=manifest.tasks[TASK].task_definition_arn,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
        overrides={"containerOverrides": [{"name": manifest.tasks[TASK].container, "command": command}]},
    )
    assert not answer["failures"], answer["failures"]
    arn = answer["tasks"][0]["taskArn"]
    while True:
        [task] = ecs.describe_tasks(cluster=manifest.cluster, tasks=[arn])["tasks"]
        if task["lastStatus"] == "STOPPED":
            return dict(task)
        time.sleep(0.2)


def test_ecs_pulls_what_was_pushed_and_it_analyses_samples(shipped: Workspace, tmp_path: Path) -> None:
    [image] = pushed_images(shipped, TASK)
    manifest, results = put_samples(shipped, tmp_path / "study")
    task = run_to_its_end(shipped, ["analyze-batch", "--manifest", manifest, "--batch", "0"])
    [container] = task["containers"]
    stream = f"{TASK}/{container['name']}/{task['taskArn'].rsplit('/', 1)[-1]}"
    group = shipped.names.log_group(TASK)
    events = client(shipped, "logs").get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
    lines = [event["message"] for event in events["events"]]
    assert container.get("exitCode") == 0, (task.get("stoppedReason"), container, lines[-10:])
    assert container["imageDigest"] == image.digest
    assert [line for line in lines if "2/2" in line], lines
    s3 = client(shipped, "s3")
    for key in results:
        assert json.loads(s3.get_object(Bucket=shipped.names.data_bucket, Key=key)["Body"].read())


def test_the_bill_of_materials_names_base_system_packages_and_wheels(shipped: Workspace) -> None:
    [image] = pushed_images(shipped, TASK)
    with Registry(log_in(shipped)) as registry:
        name = shipped.names.repository(TASK)
        artifact = json.loads(registry.manifest(name, image.tag + ".cdx")[0])
        text = registry.blob(name, artifact["layers"][0]["digest"]).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    kinds = [part.get("purl", part["bom-ref"]).split("/")[0].split(":")[-1] for part in json.loads(text)["components"]]
    base = [part for part in json.loads(text)["components"] if part["type"] == "container"]
    assert {"deb", "pypi"} <= set(kinds)
    assert kinds.count("deb") > 50
    assert len(base) == 1
    assert base[0]["hashes"][0]["alg"] == "SHA-256"


def test_a_role_that_may_not_pull_is_named(shipped: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_role(monkeypatch)
    iam, role = client(shipped, "iam"), shipped.names.execution_role(TASK)
    [attached] = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    iam.detach_role_policy(RoleName=role, PolicyArn=attached["PolicyArn"])
    try:
        task = run_to_its_end(Workspace("one", shipped.root), ["--version"])
    finally:
        iam.attach_role_policy(RoleName=role, PolicyArn=attached["PolicyArn"])
    assert "not authorized to perform: ecr:GetAuthorizationToken" in task["stoppedReason"]

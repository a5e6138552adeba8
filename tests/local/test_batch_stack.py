"""The lane batch, deployed: the real stacks with one task of ours; its jobs run under the deployed roles."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws.compare import compare_stack
from tests.local.emulator_process import REPOSITORY, Emulator
from tests.local.test_our_stacks import stacks

ACCOUNT, REGION = "333344445555", "us-east-1"
STACKS = ("storage", "network", "registry", "compute", "batch", "airflow")
LINKED = ("app.py", "cdk.json", "cdk.context.json", "platform_spec", "stacks", ".venv", "node_modules")
ENVIRONMENT = (REPOSITORY / "environments/local.toml").read_text().replace("000000000000", ACCOUNT)
TASK = """
purpose = "writes one object per job"
owner = "platform"
lane = "batch"
architecture = "x86_64"
spot = true
timeout_minutes = 5
[sizes.small]
cpu_units = 256
memory_mib = 512
[sizes.large]
cpu_units = 512
memory_mib = 1024
storage_gib = 30
[access]
write = ["results/"]
"""
DOCKERFILE = """
FROM python:3.12-slim
WORKDIR /app
COPY src/ /app/src/
ENV PYTHONPATH=/app/src
ENTRYPOINT ["python", "-m", "many"]
"""
PROGRAM = """
import os, sys, boto3
bucket, prefix = sys.argv[1:]
key = f"{prefix}{os.environ.get('AWS_BATCH_JOB_ARRAY_INDEX', 'one')}.txt"
boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=os.environ["AWS_BATCH_JOB_ID"].encode())
print("written", key, flush=True)
"""
TAGS = {"tasklane:environment": "batch"}


class Deployment:
    """Environment `batch` (Spot on), deployed into an account of its own; what its MWAA role sees and may."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator = emulator
        self.root = _repository(folder)
        self.assembly = folder / "assembly"
        self._synthesize()
        self._deploy()
        _add_image(emulator, self.root / "task_images/many")
        role = {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/tasklane-batch-airflow", "service": "airflow.amazonaws.com"}
        self.airflow = emulator.role_credentials(**role)
        self.batch = self.client("batch", self.airflow)
        self.bucket = f"tasklane-batch-data-{ACCOUNT}-{REGION}"
        name = "/tasklane/batch/deployment/tasks/many"
        self.task = json.loads(self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])

    def _synthesize(self) -> None:
        """Templates as `cdk synth` makes them."""
        context = {**json.loads((REPOSITORY / "cdk.json").read_text())["context"], "env": "batch"}
        environ = {**os.environ, "CDK_OUTDIR": str(self.assembly), "CDK_CONTEXT_JSON": json.dumps(context)}
        subprocess.run([".venv/bin/python", "app.py"], cwd=self.root, env=environ, check=True, capture_output=True)

    def _deploy(self) -> None:
        """By CloudFormation, as `cdk deploy` asks it to (test_our_stacks.py runs the CLI itself)."""
        bootstrap = "/cdk-bootstrap/hnb659fds/version"  # what `cdk bootstrap` leaves; every template asks for it
        self.client("ssm").put_parameter(Name=bootstrap, Value="30", Type="String")
        cloudformation = self.client("cloudformation")
        templates = {name.rsplit("-", 1)[-1]: (name, body) for name, (_, _, body) in stacks(self.assembly).items()}
        for part in STACKS:
            name, template = templates[part]
            given = {"TemplateBody": json.dumps(template), "Capabilities": ["CAPABILITY_NAMED_IAM"]}
            cloudformation.create_stack(StackName=name, **given)
            until(cloudformation, name, "CREATE_COMPLETE")

    def client(self, service: str, credentials: dict | None = None, region: str = REGION):
        root = {"AccessKeyId": ACCOUNT, "SecretAccessKey": "test", "Token": None}
        return self.emulator.client(service, credentials or root, region)

    def submit(self, prefix: str, queue: str = "job_queue_arn", **more: object) -> str:
        request = {
            "jobName": "many",
            "jobQueue": self.task[queue],
            "jobDefinition": self.task["job_definition_arn"],
            "containerOverrides": {"command": [self.bucket, prefix]},
            "tags": TAGS,
        }
        return str(self.batch.submit_job(**request | more)["jobId"])

    def ended(self, job_id: str) -> dict:
        while (job := self.batch.describe_jobs(jobs=[job_id])["jobs"][0])["status"] not in ("SUCCEEDED", "FAILED"):
            time.sleep(0.05)
        return dict(job)

    def lines(self, job: dict) -> list[str]:
        stream = {"logGroupName": self.task["log_group"], "logStreamNames": [job["container"]["logStreamName"]]}
        events = self.client("logs", self.airflow).filter_log_events(**stream)["events"]
        return [event["message"] for event in events]


@pytest.fixture(scope="module")
def deployment(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return Deployment(emulator, tmp_path_factory.mktemp("batch"))


def test_every_property_is_really_deployed(deployment: Deployment) -> None:
    _, _, template = stacks(deployment.assembly)["tasklane-batch-batch"]
    assert list(map(str, compare_stack("tasklane-batch-batch", template, deployment.client))) == []


def test_an_array_writes_under_the_job_role_and_logs(deployment: Deployment) -> None:
    parent = deployment.ended(deployment.submit("results/array/", arrayProperties={"size": 20}))
    assert parent["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 20, parent
    found = deployment.client("s3").list_objects_v2(Bucket=deployment.bucket, Prefix="results/array/")["Contents"]
    assert {one["Key"] for one in found} == {f"results/array/{index}.txt" for index in range(20)}
    child = deployment.ended(f"{parent['jobId']}:7")
    assert child["container"]["logStreamName"].startswith(f"{deployment.task['log_stream_prefix']}/default/")
    assert deployment.lines(child) == ["written results/array/7.txt"]
    assert deployment.ended(deployment.submit("results/spot-", queue="spot_job_queue_arn"))["status"] == "SUCCEEDED"


def test_a_job_may_not_write_elsewhere(deployment: Deployment) -> None:
    job = deployment.ended(deployment.submit("raw/"))
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 1)
    assert "AccessDenied" in deployment.lines(job)[-1]


def test_airflow_submits_our_jobs_with_our_tag_and_no_others(deployment: Deployment) -> None:
    root = deployment.client("batch")
    root.register_job_definition(
        jobDefinitionName="foreign",
        type="container",
        containerProperties={"image": "x", "vcpus": 1, "memory": 4},
    )
    known = root.describe_job_queues(jobQueues=[deployment.task["job_queue_arn"]])["jobQueues"][0]
    order = known["computeEnvironmentOrder"]
    root.create_job_queue(jobQueueName="foreign", priority=1, computeEnvironmentOrder=order)
    for change in (
        {"jobDefinition": "foreign"},
        {"jobQueue": "foreign"},
        {"tags": {"tasklane:environment": "other"}},
        {"tags": {"mine": "yes"}},
    ):
        assert _refused(lambda change=change: deployment.submit("results/", **change)), change
    assert _refused(lambda: deployment.batch.describe_job_queues())
    assert _refused(lambda: deployment.batch.deregister_job_definition(jobDefinition="foreign:1"))


def test_airflow_ends_jobs_of_its_environment_alone(deployment: Deployment) -> None:
    waiting = {"dependsOn": [{"jobId": deployment.submit("raw/")}]}
    ours = deployment.submit("results/ours-", **waiting)
    deployment.batch.terminate_job(jobId=ours, reason="not wanted")
    assert deployment.ended(ours)["status"] == "FAILED"
    request = {"jobName": "foreign", "jobQueue": deployment.task["job_queue_arn"]}
    request["jobDefinition"] = deployment.task["job_definition_arn"]
    foreign = deployment.client("batch").submit_job(**request)["jobId"]
    assert _refused(lambda: deployment.batch.terminate_job(jobId=foreign, reason="not mine"))
    assert _refused(lambda: deployment.batch.cancel_job(jobId=foreign, reason="not mine"))


def test_a_new_image_is_a_new_revision_and_the_old_one_still_runs(deployment: Deployment) -> None:
    stack = deployment.client("cloudformation")
    name = "tasklane-batch-batch"
    described = stack.describe_stacks(StackName=name)["Stacks"][0]
    kept = [one["ParameterKey"] for one in described["Parameters"] if one["ParameterKey"] != "ManyImage"]
    parameters = [{"ParameterKey": key, "UsePreviousValue": True} for key in kept]
    parameters.append({"ParameterKey": "ManyImage", "ParameterValue": ":another"})
    capabilities = ["CAPABILITY_NAMED_IAM"]
    stack.update_stack(StackName=name, UsePreviousTemplate=True, Parameters=parameters, Capabilities=capabilities)
    until(stack, name, "UPDATE_COMPLETE")
    root = deployment.client("batch")
    found = root.describe_job_definitions(jobDefinitionName="tasklane-batch-many", status="ACTIVE")["jobDefinitions"]
    assert [one["revision"] for one in found] == [2, 1]
    assert found[0]["containerProperties"]["image"].endswith("/tasklane-batch/many:another")
    assert deployment.ended(deployment.submit("results/earlier-"))["status"] == "SUCCEEDED"


def until(cloudformation: Any, name: str, status: str) -> None:
    while (found := cloudformation.describe_stacks(StackName=name)["Stacks"][0])["StackStatus"] != status:
        assert "ROLLBACK" not in found["StackStatus"], found
        time.sleep(0.1)


def _refused(call: object) -> bool:
    with pytest.raises(ClientError) as caught:
        call()  # type: ignore[operator]
    return caught.value.response["Error"]["Code"] == "AccessDeniedException"


def _repository(folder: Path) -> Path:
    """The real stacks with one environment and one task of our own."""
    root = folder / "root"
    (root / "environments").mkdir(parents=True)
    (root / "environments/batch.toml").write_text("spot_share = 1.0\n" + ENVIRONMENT)
    (root / "dags").mkdir()
    shutil.copy(REPOSITORY / "dags/access.toml", root / "dags")
    image = root / "task_images/many"
    (image / "src/many").mkdir(parents=True)
    (image / "src/many/__main__.py").write_text(PROGRAM)
    (image / "task.toml").write_text(TASK)
    (image / "Dockerfile").write_text(DOCKERFILE)
    for name in LINKED:
        (root / name).symlink_to(REPOSITORY / name)
    return root


def _add_image(emulator: Emulator, folder: Path) -> None:
    entry = {"runtime": "process", "python": sys.executable, "dockerfile": str(folder / "Dockerfile")}
    known = json.loads(emulator.images.read_text() or "{}")
    emulator.images.write_text(json.dumps(known | {"tasklane-batch/many": entry}))

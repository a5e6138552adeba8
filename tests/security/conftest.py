"""The stacks of environment `local`, deployed into an emulator that enforces IAM. No Airflow is needed here."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from tests.security.deployed import read_grants
from tests.security.policy import Grant

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION, ENVIRONMENT = "000000000000", "us-east-1", "local"
TOKEN = "token-of-the-security-tests"
WAIT = {"Delay": 0.2, "MaxAttempts": 300}


class Platform:
    """A deployed environment; clients for its root and for each of its roles."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.endpoint, self.folder, self.audit = endpoint, folder, folder / "audit.jsonl"
        self.prefix = f"tasklane-{ENVIRONMENT}"
        self.assembly = folder / "assembly"

    def client(self, service: str, role: str = "") -> Any:
        """A client of root, or of a role by its name, with credentials as its service gets them."""
        given = self._credentials(role) if role else {"AccessKeyId": "test", "SecretAccessKey": "test"}
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("Token"),
            config=Config(retries={"max_attempts": 1}, inject_host_prefix=False),
        )

    def network(self) -> dict[str, Any]:
        """A RunTask networkConfiguration in the deployed network."""
        name = f"/tasklane/{ENVIRONMENT}/deployment/network"
        published = json.loads(self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
        return {
            "awsvpcConfiguration": {"subnets": published["subnets"], "securityGroups": published["security_groups"]}
        }

    def grants(self) -> list[Grant]:
        return read_grants(self.client("iam"), self.prefix)

    def _credentials(self, role: str) -> dict[str, str]:
        service = "airflow-env.amazonaws.com" if role.endswith("-airflow") else "ecs-tasks.amazonaws.com"
        source = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{self.prefix}/{'0' * 32}"
        asked = {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "service": service, "source_arn": source}
        grant = self._call("POST", f"{self.endpoint}/_tasklane/credentials", TOKEN, asked)
        return self._call("GET", grant["full_uri"], grant["authorization_token"])

    @staticmethod
    def _call(method: str, url: str, token: str, payload: object = None) -> dict[str, str]:
        answer = httpx.request(method, url, json=payload, headers={"authorization": token}, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found

    def deploy(self) -> None:
        """Create the stacks from their templates, in the order of their dependencies."""
        context = {**json.loads((ROOT / "cdk.json").read_text())["context"], "env": ENVIRONMENT}
        env = {**os.environ, "CDK_OUTDIR": str(self.assembly), "CDK_CONTEXT_JSON": json.dumps(context)}
        subprocess.run([".venv/bin/python", "app.py"], cwd=ROOT, env=env, check=True)
        bootstrap = "/cdk-bootstrap/hnb659fds/version"  # what `cdk bootstrap` leaves; every template asks for it
        self.client("ssm").put_parameter(Name=bootstrap, Value="30", Type="String")
        cloudformation = self.client("cloudformation")
        for name in _in_order(json.loads((self.assembly / "manifest.json").read_text())["artifacts"]):
            url = self._uploaded(self.assembly / f"{name}.template.json")
            cloudformation.create_stack(StackName=name, TemplateURL=url, Capabilities=["CAPABILITY_NAMED_IAM"])
            cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=WAIT)

    def _uploaded(self, template: Path) -> str:
        """A template in the call itself may have 51,200 bytes; the CDK CLI goes through S3 too."""
        s3, bucket = self.client("s3"), "templates"
        s3.create_bucket(Bucket=bucket)
        s3.upload_file(str(template), bucket, template.name)
        return f"{self.endpoint}/{bucket}/{template.name}"


def _in_order(artifacts: dict[str, Any]) -> list[str]:
    waiting = {
        name: {d for d in artifact.get("dependencies", ()) if artifacts[d]["type"] == artifact["type"]}
        for name, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    order: list[str] = []
    while waiting:
        ready = sorted(name for name, needs in waiting.items() if needs <= set(order))
        assert ready, waiting
        order += ready
        waiting = {name: needs for name, needs in waiting.items() if name not in ready}
    return order


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("platform")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "images.json").write_text("{}")
    made = Platform(f"http://127.0.0.1:{port}", folder)
    argv = [str(ROOT / ".venvs/emulator/bin/python"), "-m", "local.aws", "--port", str(port)]
    argv += ["--state", str(folder / "aws"), "--images", str(folder / "images.json"), "--audit", str(made.audit)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TASKLANE_EMULATOR_TOKEN": TOKEN}
    with (folder / "log").open("w") as log:
        emulator = subprocess.Popen(argv, env=env, cwd=ROOT, stdout=log, stderr=log)
        try:
            _wait(made.endpoint, emulator, folder / "log")
            made.deploy()
            yield made
        finally:
            emulator.terminate()
            emulator.wait(timeout=60)


def _wait(endpoint: str, emulator: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        assert emulator.poll() is None, log.read_text()
        try:
            if httpx.get(f"{endpoint}/_tasklane/health", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.05)


@pytest.fixture(scope="session")
def grants(platform: Platform) -> list[Grant]:
    return platform.grants()

"""A real emulator process for tests, and clients for it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "token-of-the-tests"
REGION = "eu-west-1"
ACCOUNT = "000000000000"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Emulator:
    """A started emulator process and clients for it."""

    process: subprocess.Popen[str]
    port: int
    folder: Path

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def audit(self) -> Path:
        return self.folder / "audit.jsonl"

    @property
    def images(self) -> Path:
        return self.folder / "images.json"

    def client(self, service: str, credentials: dict[str, str] | None = None, region: str = REGION):
        """A boto3 client; root unless given the credentials document of a role."""
        given = credentials or {"AccessKeyId": "test", "SecretAccessKey": "test", "Token": None}
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["Token"],
            config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False, max_pool_connections=50),
        )

    def call(self, method: str, path: str, payload: object = None, token: str = TOKEN) -> tuple[int, dict]:
        """A request to the emulator's own routes: (status, document)."""
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            self.endpoint + path,
            method=method,
            data=None if payload is None else json.dumps(payload).encode(),
            headers={"authorization": token},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def role_credentials(self, role_arn: str, service: str) -> dict[str, str]:
        """What a service holding the role gets from the container credentials endpoint."""
        status, grant = self.call("POST", "/_tasklane/credentials", {"role_arn": role_arn, "service": service})
        assert status == 200, grant
        status, document = self.call(
            "GET", grant["full_uri"].removeprefix(self.endpoint), token=grant["authorization_token"]
        )
        assert status == 200, document
        return document

    def stop(self) -> int:
        """End it as a terminal would; the exit code."""
        self.process.terminate()
        return self.process.wait(timeout=60)


def start_emulator(folder: Path, port: int | None = None) -> Emulator:
    """Start one and wait until it is ready."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "images.json").touch()
    port = port or free_port()
    command = [sys.executable, "-m", "local.aws", "--port", str(port), "--state", str(folder / "state")]
    command += ["--images", str(folder / "images.json"), "--audit", str(folder / "audit.jsonl")]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TASKLANE_EMULATOR_TOKEN": TOKEN}
    log = (folder / "log").open("a")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, text=True, cwd=folder)
    emulator = Emulator(process, port, folder)
    while True:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            if emulator.call("GET", "/_tasklane/health")[0] == 200:
                return emulator
        except OSError:
            time.sleep(0.02)

"""The repository the CLI works in, one environment of it, and the AWS clients of that environment."""

import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from ops.errors import UserError
from platform_spec.environments import Environment, load_environment
from platform_spec.naming import Names
from platform_spec.task_changes import tasks_of
from platform_spec.tasks import Task

ROOT = Path(__file__).resolve().parent.parent
# The account number that AWS never gives out; an environment with it lives in the emulator on this machine.
EMULATOR_ACCOUNT = "000000000000"
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def checkout() -> Path:
    """The repository that commands act on: TASKLANE_ROOT, else the one this program belongs to."""
    return Path(os.environ.get("TASKLANE_ROOT") or ROOT).resolve()


@dataclass(frozen=True)
class Workspace:
    """An environment of the repository; everything is loaded on first use.

    With `reads_as_role`, AWS is called as the environment's plan role, which may be in another account.
    """

    environment_name: str
    root: Path = field(default_factory=checkout)
    reads_as_role: bool = False

    @cached_property
    def environment(self) -> Environment:
        return load_environment(self.environment_name, self.root)

    @cached_property
    def names(self) -> Names:
        return Names(self.environment)

    @cached_property
    def tasks(self) -> dict[str, Task]:
        return tasks_of(self.environment, self.root)

    @cached_property
    def aws_variables(self) -> dict[str, str]:
        """Environment variables for the AWS SDKs and the CDK CLI: Region, and the emulator's address if it is one."""
        region = self.environment.region
        variables = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        if self.environment.account != EMULATOR_ACCOUNT:
            return variables
        endpoint = os.environ.get("AWS_ENDPOINT_URL") or self._running_emulator()
        return {**variables, **_emulator_credentials(), "AWS_ENDPOINT_URL": endpoint}

    def client(self, service: str) -> Any:
        """A boto3 client of this environment's account and Region; one per service, shared by threads."""
        if service not in self._clients:
            self._clients[service] = self._new_client(service)
        return self._clients[service]

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _role_session(self) -> dict[str, str]:
        """Arguments of boto3.client for a session of the plan role."""
        arn = f"arn:aws:iam::{self.environment.account}:role/{self.names.plan_role}"
        own = Workspace(self.environment_name, self.root)
        given = own.client("sts").assume_role(RoleArn=arn, RoleSessionName="tasklane-promote")["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    def _new_client(self, service: str) -> Any:
        arguments: dict[str, Any] = {"region_name": self.environment.region}
        config = Config(retries={"mode": "standard", "max_attempts": 5})
        variables = self.aws_variables
        if "AWS_ENDPOINT_URL" in variables:
            arguments["endpoint_url"] = variables["AWS_ENDPOINT_URL"]
            arguments |= {name.lower(): variables[name] for name in _KEYS if name in variables}
        if "AWS_ENDPOINT_URL" in variables or "AWS_ENDPOINT_URL" in os.environ:
            # `env.airflow…` in front of 127.0.0.1 would be no host.
            config = config.merge(Config(inject_host_prefix=False))
        if self.reads_as_role:
            arguments |= self._role_session
        return boto3.client(service, config=config, **arguments)  # type: ignore[call-overload]

    def _running_emulator(self) -> str:
        try:
            return str(json.loads((self.root / ".local/state.json").read_text())["endpoint_url"])
        except FileNotFoundError:
            raise UserError(
                f"environment {self.environment_name} is deployed to the emulator on this machine, which does not run; "
                f"start it with `tasklane local up`"
            ) from None


def _emulator_credentials() -> dict[str, str]:
    """The emulator's root credentials, or a role session where the shell names an emulator and a session of it.

    Keys alone are not taken over: they are a developer's own, of a real account, which the emulator does not know.
    """
    if "AWS_ENDPOINT_URL" in os.environ and all(os.environ.get(name) for name in _KEYS):
        return {name: os.environ[name] for name in _KEYS}
    return {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

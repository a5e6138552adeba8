"""The repository the CLI works in, one environment of it, and the AWS clients of that environment."""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from ops.errors import UserError
from platform_spec.environments import Environment, load_environment
from platform_spec.naming import Names
from platform_spec.tasks import Task, load_tasks

ROOT = Path(__file__).resolve().parent.parent
# The account number that AWS never gives out; an environment with it lives in the emulator on this machine.
EMULATOR_ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Workspace:
    """An environment of the repository; everything is loaded on first use."""

    environment_name: str
    root: Path = ROOT

    @cached_property
    def environment(self) -> Environment:
        return load_environment(self.environment_name, self.root)

    @cached_property
    def names(self) -> Names:
        return Names(self.environment)

    @cached_property
    def tasks(self) -> dict[str, Task]:
        return load_tasks(self.root)

    @cached_property
    def aws_variables(self) -> dict[str, str]:
        """Environment variables for the AWS SDKs and the CDK CLI: Region, and the emulator's address if it is one."""
        region = self.environment.region
        variables = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        if self.environment.account != EMULATOR_ACCOUNT:
            return variables
        endpoint = os.environ.get("AWS_ENDPOINT_URL") or self._running_emulator()
        credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        return {**variables, **credentials, "AWS_ENDPOINT_URL": endpoint}

    def client(self, service: str) -> Any:
        """A boto3 client of this environment's account and Region."""
        endpoint = self.aws_variables.get("AWS_ENDPOINT_URL")
        if endpoint is None:
            return boto3.client(service, region_name=self.environment.region)  # type: ignore[call-overload]
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=self.environment.region,
            endpoint_url=endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 (the emulator's documented root credentials)
        )

    def _running_emulator(self) -> str:
        try:
            return str(json.loads((self.root / ".local/state.json").read_text())["endpoint_url"])
        except FileNotFoundError:
            raise UserError(
                f"environment {self.environment_name} is deployed to the emulator on this machine, which does not run; "
                f"start it with `tasklane local up`"
            ) from None

"""What to start: everything RunTask needs, decided by the worker and carried out by the trigger."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from lanes.attempts.identity import Attempt
from platform_spec.fargate import FREE_STORAGE_GIB, check_size

# "A total of 8192 characters are allowed for overrides. This limit includes the JSON formatting characters of the
# override structure" (API reference of RunTask).
MAX_OVERRIDES_CHARACTERS = 8192
# Letters, digits, spaces and + - = . _ : / @, at most 256 (Amazon ECS developer guide, "Tag restrictions").
_NOT_IN_TAGS = re.compile(r"[^\w\s+\-=.:/@]", re.ASCII)


class LaunchError(ValueError):
    """The request cannot be sent; the message says what, where, the allowed values and the fix."""


@dataclass(frozen=True)
class Size:
    name: str
    cpu_units: int
    memory_mib: int
    storage_gib: int


@dataclass(frozen=True)
class Launch:
    """One attempt's order to ECS. `sizes` starts with the size asked for; the others follow on out of memory.

    `capacity` is on_demand, spot or spot_first. `timeout_seconds` counts from the start of the container.
    """

    attempt: Attempt
    lane: str
    cluster: str
    region: str
    task_definition: str
    container: str
    command: list[str]
    environment: dict[str, str]
    sizes: list[Size]
    capacity: str
    subnets: list[str]
    security_groups: list[str]
    tags: dict[str, str]
    log_group: str
    log_stream_prefix: str
    result_uri: str | None
    timeout_seconds: float
    aws_conn_id: str | None = None
    environment_name: str = ""
    architecture: str = "x86_64"
    metrics_group: str = ""  # log group that takes the run metrics; empty: none

    def request(self, launch: int, size: Size, *, spot: bool) -> dict[str, Any]:
        """The arguments of RunTask for launch number `launch` (0 = first) of this attempt."""
        capacity: dict[str, Any] = {"launchType": "FARGATE"}
        if spot:
            capacity = {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
        return {
            "cluster": self.cluster,
            "taskDefinition": self.task_definition,
            "count": 1,
            "startedBy": self.attempt.started_by,
            "clientToken": self.attempt.client_token(launch),
            "overrides": self.overrides(launch, size),
            "networkConfiguration": {
                "awsvpcConfiguration": {
                    "subnets": self.subnets,
                    "securityGroups": self.security_groups,
                    "assignPublicIp": "DISABLED",
                }
            },
            "tags": [{"key": key, "value": tag_value(value)} for key, value in self.tags.items()],
            "enableECSManagedTags": True,
            "propagateTags": "TASK_DEFINITION",
            **capacity,
        }

    def overrides(self, launch: int, size: Size) -> dict[str, Any]:
        environment = {**self.environment, **self.attempt.environment, "TASKLANE_LAUNCH": str(launch)}
        if self.result_uri:
            environment["TASKLANE_RESULT_URI"] = self.result_uri
        overrides: dict[str, Any] = {
            "cpu": str(size.cpu_units),
            "memory": str(size.memory_mib),
            "containerOverrides": [
                {
                    "name": self.container,
                    "command": self.command,
                    "environment": [{"name": name, "value": value} for name, value in sorted(environment.items())],
                }
            ],
        }
        if size.storage_gib != FREE_STORAGE_GIB:  # Fargate refuses the free size when it is asked for
            overrides["ephemeralStorage"] = {"sizeInGiB": size.storage_gib}
        return overrides

    def log_stream(self, arn: str) -> str:
        """Where the awslogs driver writes: prefix/container/task id."""
        return f"{self.log_stream_prefix}/{self.container}/{arn.rsplit('/', 1)[-1]}"

    def check(self) -> None:
        """Raise LaunchError for what AWS would refuse, before anything is started."""
        words = self.command
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            raise LaunchError(f"{self._where}: command must be a list of strings, not {self.command!r}")
        for size in self.sizes:
            for finding in check_size(size.cpu_units, size.memory_mib, size.storage_gib):
                raise LaunchError(f"{self._where}: size {size.name!r}: {finding}; deploy a corrected task.toml")
        length = max(len(json.dumps(self.overrides(0, size))) for size in self.sizes)
        if length > MAX_OVERRIDES_CHARACTERS:
            raise LaunchError(
                f"{self._where}: command and environment make {length} characters of overrides, RunTask takes "
                f"{MAX_OVERRIDES_CHARACTERS}; write the list to S3 and pass its URI"
            )

    @property
    def _where(self) -> str:
        return f"task {self.attempt.task_id!r} of DAG {self.attempt.dag_id!r} (lane {self.lane!r})"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The reverse of to_dict. Unknown keys are left out: a triggerer may run older code than the worker."""
        known = {field.name for field in fields(cls)} & set(values)
        kept = {name: values[name] for name in known}
        kept["attempt"] = Attempt(**values["attempt"])
        kept["sizes"] = [Size(**size) for size in values["sizes"]]
        return cls(**kept)


def tag_value(text: str) -> str:
    """`text` with what AWS refuses in a tag value replaced by an underscore."""
    return _NOT_IN_TAGS.sub("_", text)[:256]

"""What to start: everything a lane needs, decided by the worker and carried out by the trigger."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from lanes.attempts.identity import Attempt

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
    gpus: int = 0
    instance_type: str = ""  # lane ec2
    capacity_provider: str = ""  # lane ec2: of such instances

    @property
    def text(self) -> str:
        """In words; without the disk where none is set aside."""
        disk = f", {self.storage_gib} GiB disk" if self.storage_gib else ""
        return f"{self.cpu_units} CPU units, {self.memory_mib} MiB{disk}"


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One attempt's order. `sizes` starts with the size asked for; the others follow on out of memory.

    `capacity` is on_demand, spot or spot_first. `timeout_seconds` counts from the start of the container. `host` says
    where containers run that AWS does not start (and does not bill): "worker" or "cluster".
    """

    host: ClassVar[str] = ""

    attempt: Attempt
    lane: str
    region: str
    command: list[str]
    environment: dict[str, str]
    sizes: list[Size]
    capacity: str
    tags: dict[str, str]
    log_group: str
    log_stream_prefix: str
    result_uri: str | None
    timeout_seconds: float
    aws_conn_id: str | None = None
    environment_name: str = ""
    architecture: str = "x86_64"
    metrics_group: str = ""  # log group that takes the run metrics; empty: none

    def container_environment(self, launch: int) -> list[dict[str, str]]:
        """What the container of launch number `launch` (0 = first) is told, as ECS, Batch and Kubernetes want it."""
        environment = {**self.environment, **self.attempt.environment, "TASKLANE_LAUNCH": str(launch)}
        if self.result_uri:
            environment["TASKLANE_RESULT_URI"] = self.result_uri
        return [{"name": name, "value": value} for name, value in sorted(environment.items())]

    def console_url(self, arn: str) -> str:
        """The container's page in the AWS console; empty where there is none."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise LaunchError for what AWS would refuse, before anything is started."""
        refuse_command(self.where, self.command)

    @property
    def where(self) -> str:
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


def refuse_command(where: str, command: Any) -> None:
    """Raise LaunchError, when the templates are rendered, for what is no list of words."""
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        raise LaunchError(f"{where}: command must be a list of strings, not {command!r}")


def tag_value(text: str) -> str:
    """`text` with what AWS refuses in a tag value replaced by an underscore."""
    return _NOT_IN_TAGS.sub("_", text)[:256]

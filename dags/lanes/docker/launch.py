"""The order to a container engine: the body of "create a container"."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from lanes.attempts.identity import Attempt
from lanes.attempts.lane_request import lane_request
from lanes.attempts.launch import Launch, LaunchError, Size
from lanes.docker.names import container_name, labels
from platform_spec.containers import SCRATCH, USER

if TYPE_CHECKING:
    from lanes.docker.operator import RunInDocker
    from platform_spec.manifest import Manifest

MIB = 1024**2
# Of the worker's environment, what a program needs to reach AWS; everything else is Airflow's.
_PASSED_ON = ("AWS_ENDPOINT_URL", "TZ")


@dataclass(frozen=True, kw_only=True)
class DockerLaunch(Launch):
    """One attempt's order to the engine beside the worker. `variables` are those of the task, whoever calls it."""

    host: ClassVar[str] = "worker"

    image: str
    task_role_arn: str
    stop_timeout_seconds: int
    variables: dict[str, str] = field(default_factory=dict)

    def name(self, launch: int) -> str:
        return container_name(self.environment_name, self.attempt, launch)

    def body(self, launch: int, credentials: dict[str, str]) -> dict[str, Any]:
        """Arguments of `APIClient.create_container` for launch number `launch` (0 = first), without image and host."""
        told = {pair["name"]: pair["value"] for pair in self.container_environment(launch)}
        own = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region, "HOME": SCRATCH, "TMPDIR": SCRATCH}
        own["AWS_EC2_METADATA_DISABLED"] = "true"  # never the role of the machine
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {
            "command": self.command,
            "name": self.name(launch),
            "environment": {**passed, **self.variables, **told, **own, **credentials},
            "labels": labels(self.environment_name, self.attempt),
            "user": USER,
            "volumes": [SCRATCH],  # a new one for each container, removed with it
            "stop_timeout": self.stop_timeout_seconds,
        }

    def limits(self, size: Size) -> dict[str, Any]:
        """What the host grants: the size, the machine's network, and nothing else (arguments of create_host_config)."""
        return {
            "mem_limit": size.memory_mib * MIB,
            "memswap_limit": size.memory_mib * MIB,  # memory and swap together: no swap
            "nano_cpus": size.cpu_units * 10**9 // 1024,
            # SDKs take credentials over http from this machine's loopback alone, and a container has its own.
            "network_mode": "host",
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "init": True,
        }

    def console_url(self, arn: str) -> str:
        return ""

    def check(self) -> None:
        super().check()
        if self.capacity != "on_demand":
            raise LaunchError(f"{self.where}: capacity {self.capacity!r}: a worker is no Spot machine; leave it out")


def launch_of(task: RunInDocker, attempt: Attempt, manifest: Manifest) -> DockerLaunch:
    """Everything the engine needs for one attempt at `task`. Raises LaunchError for what the lane does not offer."""
    lane, request = manifest.task(task.name), lane_request(task, attempt, manifest)
    if task.limit is not None:
        request["timeout_seconds"] = task.limit.total_seconds()
    request["sizes"] = [replace(size, storage_gib=0) for size in request["sizes"]]  # no engine limits a volume
    request["metrics_group"] = ""  # CloudWatch shows what AWS runs
    return DockerLaunch(
        **request,
        image=lane.image,
        task_role_arn=lane.task_role_arn,
        stop_timeout_seconds=lane.stop_timeout_seconds,
        variables=lane.variables,
    )

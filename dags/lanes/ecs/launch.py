"""The order to ECS: the arguments of RunTask."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lanes.attempts.identity import Attempt
from lanes.attempts.lane_request import lane_request
from lanes.attempts.launch import Launch, LaunchError, Size, tag_value
from lanes.ecs.revision import registered_revision
from platform_spec import ec2, fargate
from platform_spec.loading import Finding

if TYPE_CHECKING:
    from lanes.ecs.operator import RunTask
    from platform_spec.manifest import Manifest

# "A total of 8192 characters are allowed for overrides. This limit includes the JSON formatting characters of the
# override structure" (API reference of RunTask).
MAX_OVERRIDES_CHARACTERS = 8192


@dataclass(frozen=True, kw_only=True)
class EcsLaunch(Launch):
    """One attempt's order to ECS."""

    cluster: str
    task_definition: str
    container: str
    subnets: list[str]
    security_groups: list[str]

    def request(self, launch: int, size: Size, *, spot: bool) -> dict[str, Any]:
        """The arguments of RunTask for launch number `launch` (0 = first) of this attempt."""
        provider = size.capacity_provider or ("FARGATE_SPOT" if spot else "")
        capacity: dict[str, Any] = {"launchType": "FARGATE"}
        if provider:
            capacity = {"capacityProviderStrategy": [{"capacityProvider": provider, "weight": 1}]}
        # RunTask takes it for Fargate alone: instances have private addresses by their launch template.
        public = {} if size.instance_type else {"assignPublicIp": "DISABLED"}
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
                    **public,
                }
            },
            "tags": [{"key": key, "value": tag_value(value)} for key, value in self.tags.items()],
            "enableECSManagedTags": True,
            "propagateTags": "TASK_DEFINITION",
            **capacity,
        }

    def overrides(self, launch: int, size: Size) -> dict[str, Any]:
        overrides: dict[str, Any] = {
            "cpu": str(size.cpu_units),
            "memory": str(size.memory_mib),
            "containerOverrides": [
                {
                    "name": self.container,
                    "command": self.command,
                    "environment": self.container_environment(launch),
                    **({"resourceRequirements": [{"type": "GPU", "value": str(size.gpus)}]} if size.gpus else {}),
                }
            ],
        }
        if (
            not size.instance_type and size.storage_gib != fargate.FREE_STORAGE_GIB
        ):  # Fargate refuses the free size when it is asked for
            overrides["ephemeralStorage"] = {"sizeInGiB": size.storage_gib}
        return overrides

    def log_stream(self, arn: str) -> str:
        """Where the awslogs driver writes: prefix/container/task id."""
        return f"{self.log_stream_prefix}/{self.container}/{arn.rsplit('/', 1)[-1]}"

    def console_url(self, arn: str) -> str:
        return (
            f"https://{self.region}.console.aws.amazon.com/ecs/v2/clusters/{quote(self.cluster, safe='')}"
            f"/tasks/{arn.rsplit('/', 1)[-1]}/configuration?region={self.region}"
        )

    def check(self) -> None:
        super().check()
        for size in self.sizes:
            for finding in _findings(size):
                raise LaunchError(f"{self.where}: size {size.name!r}: {finding}; deploy a corrected task.toml")
        length = max(len(json.dumps(self.overrides(0, size))) for size in self.sizes)
        if length > MAX_OVERRIDES_CHARACTERS:
            raise LaunchError(
                f"{self.where}: command and environment make {length} characters of overrides, RunTask takes "
                f"{MAX_OVERRIDES_CHARACTERS}; write the list to S3 and pass its URI"
            )


def launch_of(task: RunTask, attempt: Attempt, manifest: Manifest) -> EcsLaunch:
    """Everything RunTask needs for one attempt at `task`. Raises LaunchError for what the lane does not offer."""
    lane, request = manifest.task(task.name), lane_request(task, attempt, manifest)
    if task.storage_gib is not None:  # at least so much, also for the sizes it grows to
        request["sizes"] = [
            replace(size, storage_gib=max(size.storage_gib, task.storage_gib)) for size in request["sizes"]
        ]
    return EcsLaunch(
        **request,
        cluster=manifest.cluster,
        task_definition=registered_revision(task.revision, lane) if task.revision else lane.task_definition_arn,
        container=lane.container,
        subnets=list(manifest.subnets),
        security_groups=list(manifest.security_groups),
    )


def _findings(size: Size) -> list[Finding]:
    if size.instance_type:
        return ec2.check_size(size.cpu_units, size.memory_mib, size.storage_gib, size.gpus, size.instance_type)
    return fargate.check_size(size.cpu_units, size.memory_mib, size.storage_gib)

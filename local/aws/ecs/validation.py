"""What RunTask refuses before it starts anything.

Source: Amazon ECS API Reference, RunTask: count 1-10; startedBy <= 128 characters; overrides <= 8,192 characters with
JSON; launchType and capacityProviderStrategy exclude each other; networkConfiguration is required for awsvpc;
clientToken <= 64 characters (33-126); containers named in overrides must be in the task definition.
"""

import json
from typing import Any

from ministack.services import ec2

from local.aws.ecs.errors import EcsError
from local.aws.ecs.sizes import check_fargate_size, check_storage

Json = dict[str, Any]
_OVERRIDE_CHARACTERS = 8192


def check_request(data: Json) -> None:
    """Shape and limits of the request itself."""
    count = data.get("count", 1)
    if not isinstance(count, int) or not 1 <= count <= 10:
        raise EcsError("InvalidParameterException", f"count {count!r} is out of range: 1 to 10 tasks per call.")
    for name, limit in (("startedBy", 128), ("clientToken", 64)):
        value = data.get(name, "")
        if len(value) > limit:
            raise EcsError(
                "InvalidParameterException", f"{name} is too long: {len(value)} of at most {limit} characters."
            )
        if not all(33 <= ord(character) <= 126 for character in value) and name == "clientToken":
            raise EcsError("InvalidParameterException", "clientToken must consist of the characters 33 to 126.")
    size = len(json.dumps(data.get("overrides") or {}, separators=(",", ":"), ensure_ascii=False))
    if size > _OVERRIDE_CHARACTERS:
        raise EcsError(
            "InvalidParameterException",
            f"Container Overrides length must be at most {_OVERRIDE_CHARACTERS} (got {size}).",
        )
    if data.get("launchType") and data.get("capacityProviderStrategy"):
        raise EcsError(
            "InvalidParameterException",
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        )


def check_against_definition(data: Json, definition: Json, fargate: bool) -> None:
    """What depends on the task definition: status, compatibility, network, overrides, size."""
    if definition.get("status") != "ACTIVE":
        raise EcsError("ClientException", "TaskDefinition is inactive")
    if fargate and "FARGATE" not in (definition.get("requiresCompatibilities") or []):
        raise EcsError("InvalidParameterException", "Task definition does not support launch_type FARGATE.")
    if not fargate:
        _check_instances(data, definition)
    _check_network(data, definition)
    _check_overrides(data.get("overrides") or {}, definition)
    if fargate:
        overrides = data.get("overrides") or {}
        _check_no_gpu(overrides, definition)
        check_fargate_size(
            str(overrides.get("cpu") or definition.get("cpu", "")),
            str(overrides.get("memory") or definition.get("memory", "")),
        )


def _check_instances(data: Json, definition: Json) -> None:
    """What is different on EC2 instances (Developer Guide, "Capacity providers for EC2 workloads", "awsvpc")."""
    compatible = definition.get("requiresCompatibilities")
    if compatible and "EC2" not in compatible:
        raise EcsError("InvalidParameterException", "Task definition does not support launch_type EC2.")
    if not data.get("capacityProviderStrategy"):  # instances join by a capacity provider alone here
        raise EcsError("InvalidParameterException", "No Container Instances were found in your cluster.")
    network = (data.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    if network.get("assignPublicIp") == "ENABLED":
        raise EcsError("InvalidParameterException", "Assign public IP is not supported for this launch type.")
    if (data.get("overrides") or {}).get("ephemeralStorage"):
        raise EcsError("InvalidParameterException", "Ephemeral storage is only supported on Fargate.")


def _check_no_gpu(overrides: Json, definition: Json) -> None:
    containers = [*definition["containerDefinitions"], *(overrides.get("containerOverrides") or [])]
    if any(need.get("type") == "GPU" for one in containers for need in one.get("resourceRequirements") or []):
        raise EcsError("InvalidParameterException", "Tasks using the Fargate launch type do not support GPUs.")


def _check_network(data: Json, definition: Json) -> None:
    given = (data.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if definition.get("networkMode") == "awsvpc":
        if not given:
            raise EcsError(
                "InvalidParameterException",
                "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
            )
        if not given.get("subnets"):
            raise EcsError("InvalidParameterException", "subnets can not be empty.")
        if len(given["subnets"]) > 16 or len(given.get("securityGroups") or []) > 5:
            raise EcsError("InvalidParameterException", "At most 16 subnets and 5 security groups can be given.")
        _check_known(given)
    elif given:
        raise EcsError(
            "InvalidParameterException",
            "Network Configuration is not valid for the given networkMode of this task definition.",
        )


def _check_known(given: Json) -> None:
    ec2._ensure_defaults_initialized()
    for subnet in given["subnets"]:
        if subnet not in ec2._subnets:
            raise EcsError(
                "InvalidParameterException",
                f"Error retrieving subnet information for [{subnet}]: The subnet ID '{subnet}' does not exist "
                "(ErrorCode: InvalidSubnetID.NotFound)",
            )
    for group in given.get("securityGroups") or []:
        if group not in ec2._security_groups:
            raise EcsError(
                "InvalidParameterException",
                f"Error retrieving security group information for [{group}]: The security group '{group}' does not "
                "exist (ErrorCode: InvalidGroup.NotFound)",
            )


def _check_overrides(overrides: Json, definition: Json) -> None:
    names = {container["name"] for container in definition["containerDefinitions"]}
    for override in overrides.get("containerOverrides") or []:
        if override.get("name") not in names:
            raise EcsError(
                "InvalidParameterException",
                f"Override for container named {override.get('name')} is not a container in the TaskDefinition.",
            )
    if overrides.get("ephemeralStorage"):
        check_storage(overrides["ephemeralStorage"].get("sizeInGiB"))

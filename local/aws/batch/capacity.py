"""Compute environments: what Batch accepts, and where a job of a queue may be placed.

Source: AWS Batch API Reference, CreateComputeEnvironment and ComputeResource (members that do not apply to Fargate);
User Guide, "Compute environments" (one queue holds Fargate or EC2 environments, never both; the order decides).
"""

from typing import Any

from ministack.services import batch, ec2, iam

from local.aws.batch.errors import BatchError
from local.aws.batch.names import arn, checked, name_of

Json = dict[str, Any]
_TYPES = ("EC2", "SPOT", "FARGATE", "FARGATE_SPOT")
_NOT_ON_FARGATE = (
    "allocationStrategy",
    "bidPercentage",
    "desiredvCpus",
    "ec2Configuration",
    "ec2KeyPair",
    "imageId",
    "instanceRole",
    "instanceTypes",
    "launchTemplate",
    "minvCpus",
    "placementGroup",
    "spotIamFleetRole",
    "tags",
)
_CHANGEABLE = ("state", "serviceRole", "unmanagedvCpus", "context", "updatePolicy")


def is_fargate(resources: Json) -> bool:
    """Whether a compute environment's resources are Fargate's."""
    return str(resources.get("type", "")).startswith("FARGATE")


def create(data: Json) -> Json:
    """CreateComputeEnvironment."""
    name = checked(data.get("computeEnvironmentName"), "computeEnvironmentName")
    if name in batch._compute_envs:
        raise BatchError("Object already exists")
    if data.get("type") not in ("MANAGED", "UNMANAGED"):
        raise BatchError("Error executing request, Exception : type must be MANAGED or UNMANAGED.")
    resources = data.get("computeResources") or {}
    if data["type"] == "MANAGED":
        check_resources(resources)
    document = {
        "computeEnvironmentName": name,
        "computeEnvironmentArn": arn("compute-environment", name),
        "ecsClusterArn": arn("x", name).replace(":batch:", ":ecs:").replace(":x/", f":cluster/AWSBatch-{name}-"),
        "type": data["type"],
        "state": data.get("state") or "ENABLED",
        "status": "VALID",
        "statusReason": "ComputeEnvironment Healthy",
        "computeResources": resources,
        "serviceRole": data.get("serviceRole") or "",
        "containerOrchestrationType": "ECS",
        "tags": data.get("tags") or {},
    }
    batch._compute_envs[name] = document
    return {key: document[key] for key in ("computeEnvironmentName", "computeEnvironmentArn")}


def update(data: Json) -> Json:
    """UpdateComputeEnvironment."""
    document = find(data.get("computeEnvironment", ""))
    changed = data.get("computeResources")
    if changed:
        merged = document["computeResources"] | changed
        check_resources(merged)
        document["computeResources"] = merged
    document.update({key: data[key] for key in _CHANGEABLE if key in data})
    return {key: document[key] for key in ("computeEnvironmentName", "computeEnvironmentArn")}


def delete(data: Json) -> Json:
    """DeleteComputeEnvironment: only a disabled one that no queue uses."""
    name = name_of(data.get("computeEnvironment", ""))
    document = batch._compute_envs.get(name)
    if document is None:
        return {}
    if document["state"] != "DISABLED":
        raise BatchError("Cannot delete, state must be DISABLED")
    for queue in batch._job_queues.values():
        if any(name_of(one["computeEnvironment"]) == name for one in queue["computeEnvironmentOrder"]):
            raise BatchError("Cannot delete, found existing JobQueue relationship")
    del batch._compute_envs[name]
    return {}


def describe(data: Json) -> Json:
    """DescribeComputeEnvironments: all of them, or those named."""
    wanted = data.get("computeEnvironments")
    known = list(batch._compute_envs.values())
    names = {name_of(one) for one in wanted} if wanted else None
    return {
        "computeEnvironments": [one for one in known if names is None or one["computeEnvironmentName"] in names],
    }


def find(reference: str) -> Json:
    """The compute environment of a name or ARN."""
    document: Json | None = batch._compute_envs.get(name_of(reference))
    if document is None:
        raise BatchError(f"Object does not exist: {reference}")
    return document


def check_resources(resources: Json) -> None:
    """Raise BatchError for compute resources that Batch refuses."""
    kind = resources.get("type")
    if kind not in _TYPES:
        raise BatchError(f"Error executing request, Exception : computeResources.type must be one of {_TYPES}.")
    if not isinstance(resources.get("maxvCpus"), int) or resources["maxvCpus"] < 1:
        raise BatchError("Error executing request, Exception : maxvCpus must be greater than 0.")
    if is_fargate(resources):
        given = [member for member in _NOT_ON_FARGATE if resources.get(member) not in (None, [], {}, "")]
        if given:
            raise BatchError(f"Error executing request, Exception : {given[0]} is not applicable to Fargate.")
    else:
        _check_instances(resources)
    _check_network(resources)


def _check_instances(resources: Json) -> None:
    if not resources.get("instanceTypes"):
        raise BatchError("Error executing request, Exception : instanceTypes cannot be empty.")
    profile = name_of(str(resources.get("instanceRole") or ""))
    if not profile:
        raise BatchError("Error executing request, Exception : Instance role is required.")
    if profile not in iam._instance_profiles:
        raise BatchError(f"Error executing request, Exception : instance profile {profile} does not exist.")
    least = int(resources.get("minvCpus") or 0)
    if not 0 <= least <= resources["maxvCpus"]:
        raise BatchError("Error executing request, Exception : minvCpus must be between 0 and maxvCpus.")
    by_price = resources.get("allocationStrategy") in (None, "BEST_FIT")
    if resources["type"] == "SPOT" and by_price and not resources.get("spotIamFleetRole"):
        raise BatchError("Error executing request, Exception : spotIamFleetRole is required with BEST_FIT.")


def _check_network(resources: Json) -> None:
    ec2._ensure_defaults_initialized()
    subnets, groups = resources.get("subnets") or [], resources.get("securityGroupIds") or []
    if not subnets:
        raise BatchError("Error executing request, Exception : Subnets cannot be empty.")
    if not groups and (is_fargate(resources) or not resources.get("launchTemplate")):
        raise BatchError("Error executing request, Exception : Security groups cannot be empty.")
    for kind, given, known in (("subnet", subnets, ec2._subnets), ("security group", groups, ec2._security_groups)):
        for one in given:
            if one not in known:
                raise BatchError(f"Error executing request, Exception : The {kind} ID '{one}' does not exist.")

"""AWS::Batch::ComputeEnvironment, JobQueue and JobDefinition (AWS CloudFormation Template Reference).

Each is registered through the API's own checks. A changed job definition is a new revision with a new ARN; the old one
is deregistered unless the template keeps it.
"""

import uuid
from typing import Any

from ministack.services.cloudformation import provisioners

from local.aws.batch import capacity, definitions, queues
from local.aws.batch.errors import BatchError
from local.aws.cloudformation.registry import Json, Made, ResourceError, expect, register

# Members whose keys are the user's own.
_FREE = {"Options", "Tags", "Parameters"}
_NUMBERS = {
    "MaxvCpus",
    "MinvCpus",
    "DesiredvCpus",
    "BidPercentage",
    "Priority",
    "Order",
    "Attempts",
    "AttemptDurationSeconds",
    "SizeInGiB",
}
_ENVIRONMENT = {"ComputeEnvironmentName", "Type", "State", "ServiceRole", "ComputeResources", "UnmanagedvCpus", "Tags"}
_QUEUE = {"JobQueueName", "State", "Priority", "ComputeEnvironmentOrder", "Tags"}
_DEFINITION = {
    "JobDefinitionName",
    "Type",
    "ContainerProperties",
    "PlatformCapabilities",
    "Parameters",
    "PropagateTags",
    "RetryStrategy",
    "Timeout",
    "SchedulingPriority",
    "Tags",
}
# What a template tells CloudFormation and not Batch.
_FOR_CLOUDFORMATION = {"ReplaceComputeEnvironment", "UpdatePolicy", "ResourceRetentionPolicy"}
# In place (User Guide, "Update a compute environment"); every other change makes a new environment.
_UPDATED_IN_PLACE = {"State", "ServiceRole", "UnmanagedvCpus", "Tags", *_FOR_CLOUDFORMATION}
_RESOURCES_IN_PLACE = {"MaxvCpus", "MinvCpus", "DesiredvCpus", "SecurityGroupIds", "Subnets"}


def install() -> None:
    """Register the types."""
    environment = (_create_environment, _update_environment, _delete_environment)
    register("AWS::Batch::ComputeEnvironment", *environment, tags="map")
    register("AWS::Batch::JobQueue", _create_queue, _update_queue, _delete_queue, tags="map")
    register("AWS::Batch::JobDefinition", _create_definition, None, _delete_definition, tags="map")
    provisioners._REPLACING_PROPERTIES["AWS::Batch::ComputeEnvironment"] = ("ComputeEnvironmentName", "Type")
    provisioners._REPLACING_PROPERTIES["AWS::Batch::JobQueue"] = ("JobQueueName",)


def _create_environment(logical_id: str, properties: Json, stack: str) -> Made:
    request = _request("AWS::Batch::ComputeEnvironment", properties, _ENVIRONMENT)
    name = provisioners._physical_name(stack, logical_id, max_len=110)
    request.setdefault("computeEnvironmentName", f"{name}-{uuid.uuid4().hex[:12]}")  # one may stand beside the old one
    arn = _done(capacity.create, request)["computeEnvironmentArn"]
    return arn, {"ComputeEnvironmentArn": arn}


def _update_environment(arn: str, old: Json, new: Json, stack: str) -> Made:
    if not _in_place(old, new):
        # Its queues still name the old one: CloudFormation deletes it after they were updated.
        return _create_environment("ComputeEnvironment", new, stack)
    request = _request("AWS::Batch::ComputeEnvironment", new, _ENVIRONMENT)
    resources = request.get("computeResources")
    _done(capacity.update, {**request, "computeEnvironment": arn, "computeResources": resources})
    capacity.find(arn)["tags"] = request.get("tags") or {}
    return arn, {"ComputeEnvironmentArn": arn}


def _delete_environment(arn: str, properties: Json) -> None:
    if any(one["computeEnvironmentArn"] == arn for one in capacity.describe({})["computeEnvironments"]):
        _done(capacity.update, {"computeEnvironment": arn, "state": "DISABLED"})
        _done(capacity.delete, {"computeEnvironment": arn})


def _create_queue(logical_id: str, properties: Json, stack: str) -> Made:
    request = _request("AWS::Batch::JobQueue", properties, _QUEUE)
    request.setdefault("jobQueueName", provisioners._physical_name(stack, logical_id))
    arn = _done(queues.create, request)["jobQueueArn"]
    return arn, {"JobQueueArn": arn}


def _update_queue(arn: str, old: Json, new: Json, stack: str) -> Made:
    request = _request("AWS::Batch::JobQueue", new, _QUEUE)
    _done(queues.update, {**request, "jobQueue": arn})
    queues.find(arn)["tags"] = request.get("tags") or {}
    return arn, {"JobQueueArn": arn}


def _delete_queue(arn: str, properties: Json) -> None:
    if any(one["jobQueueArn"] == arn for one in queues.describe({})["jobQueues"]):
        _done(queues.update, {"jobQueue": arn, "state": "DISABLED"})
        _done(queues.delete, {"jobQueue": arn})


def _create_definition(logical_id: str, properties: Json, stack: str) -> Made:
    request = _request("AWS::Batch::JobDefinition", properties, _DEFINITION)
    request.setdefault("jobDefinitionName", provisioners._physical_name(stack, logical_id))
    arn = _done(definitions.register, request)["jobDefinitionArn"]
    return arn, {"JobDefinitionArn": arn}


def _delete_definition(arn: str, properties: Json) -> None:
    if definitions.describe({"jobDefinitions": [arn], "status": "ACTIVE"})["jobDefinitions"]:
        _done(definitions.deregister, {"jobDefinition": arn})


def _in_place(old: Json, new: Json) -> bool:
    changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    before, after = old.get("ComputeResources") or {}, new.get("ComputeResources") or {}
    resources = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    return changed <= {*_UPDATED_IN_PLACE, "ComputeResources"} and resources <= _RESOURCES_IN_PLACE


def _request(resource_type: str, properties: Json, known: set[str]) -> Json:
    expect(resource_type, properties, known | _FOR_CLOUDFORMATION)
    given = {key: value for key, value in properties.items() if key not in _FOR_CLOUDFORMATION}
    request: Json = _spelled(given)
    return request


def _spelled(value: Any) -> Any:
    """Template values with the API's member names, numbers as numbers."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _member(key, item) for key, item in value.items()}
    return [_spelled(item) for item in value] if isinstance(value, list) else value


def _member(key: str, value: Any) -> Any:
    if key in _FREE:
        return value
    if key in _NUMBERS and isinstance(value, str):
        return int(value)
    return value == "true" if value in ("true", "false") else _spelled(value)


def _done(call: Any, request: Json) -> Json:
    try:
        done: Json = call(request)
    except BatchError as error:
        raise ResourceError(str(error)) from error
    return done

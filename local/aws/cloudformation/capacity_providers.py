"""AWS::ECS::CapacityProvider for Auto Scaling groups (AWS CloudFormation Template Reference)."""

import json

from ministack.services import ecs

from local.aws.cloudformation.registry import Json, Made, checked, expect, register
from local.aws.cloudformation.task_definitions import api_spelling

_TYPE = "AWS::ECS::CapacityProvider"
_KNOWN = {"AutoScalingGroupProvider", "Name", "Tags"}


def install() -> None:
    """Register the type; Ref is the provider's name."""
    register(_TYPE, _create, _update, _delete, tags="list")


def _create(logical_id: str, properties: Json, stack: str) -> Made:
    expect(_TYPE, properties, _KNOWN)
    request = {"name": properties.get("Name") or f"{stack}-{logical_id}", **_group(properties)}
    request["tags"] = api_spelling(properties.get("Tags") or [])
    made = json.loads(checked(ecs._create_capacity_provider(request)))["capacityProvider"]
    _keep_draining(made["name"], properties)
    return made["name"], {"Arn": made["capacityProviderArn"]}


def _update(name: str, old: Json, new: Json, stack: str) -> Made:
    expect(_TYPE, new, _KNOWN)
    checked(ecs._update_capacity_provider({"name": name, **_group(new)}))
    _keep_draining(name, new)
    return name, {}


def _delete(name: str, properties: Json) -> None:
    ecs._delete_capacity_provider({"capacityProvider": name})  # it may be gone already


def _group(properties: Json) -> Json:
    return {"autoScalingGroupProvider": api_spelling(properties["AutoScalingGroupProvider"])}


def _keep_draining(name: str, properties: Json) -> None:
    """The one member that ministack drops."""
    draining = properties["AutoScalingGroupProvider"].get("ManagedDraining", "ENABLED")
    ecs._capacity_providers[name]["autoScalingGroupProvider"]["managedDraining"] = draining

"""AWS::ECS::ClusterCapacityProviderAssociations (AWS CloudFormation Template Reference)."""

from ministack.services import ecs
from ministack.services.cloudformation import provisioners

from local.aws.cloudformation.registry import Json, Made, checked, expect, register

_KNOWN = {"Cluster", "CapacityProviders", "DefaultCapacityProviderStrategy"}


def install() -> None:
    """Register the type."""
    register("AWS::ECS::ClusterCapacityProviderAssociations", _create, _update, _delete)


def _create(logical_id: str, properties: Json, stack: str) -> Made:
    expect("AWS::ECS::ClusterCapacityProviderAssociations", properties, _KNOWN)
    strategy = provisioners._pascal_to_camel(properties.get("DefaultCapacityProviderStrategy") or [])
    request = {
        "cluster": properties["Cluster"],
        "capacityProviders": properties["CapacityProviders"],
        "defaultCapacityProviderStrategy": strategy,
    }
    checked(ecs._put_cluster_capacity_providers(request))
    return properties["Cluster"], {}


def _update(cluster: str, old: Json, new: Json, stack: str) -> Made:
    return _create("", new, stack)


def _delete(cluster: str, properties: Json) -> None:
    ecs._put_cluster_capacity_providers({"cluster": cluster})  # the cluster may be gone already

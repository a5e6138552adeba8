"""Clusters, task definitions, Airflow environments, access entries (Amazon ECS, MWAA and EKS API References)."""

from typing import Any

from local.aws.compare.readers.base import Deployed, Json, Reader, template_names

_FREE = frozenset({"Options", "DockerLabels", "DriverOpts", "Labels"})


def _cluster(clients: Any, name: str, own: Json) -> Deployed:
    include = ["SETTINGS", "TAGS", "CONFIGURATIONS"]
    found = clients("ecs").describe_clusters(clusters=[name], include=include)["clusters"][0]
    properties = template_names(found) | {"ClusterSettings": template_names(found.get("settings", []))}
    return Deployed(properties, {"Arn": found["clusterArn"]})


def _capacity_providers(clients: Any, name: str, own: Json) -> Deployed:
    found = clients("ecs").describe_clusters(clusters=[own["Cluster"]])["clusters"][0]
    return Deployed({"Cluster": own["Cluster"], **template_names(found)})


def _task_definition(clients: Any, arn: str, own: Json) -> Deployed:
    found = clients("ecs").describe_task_definition(taskDefinition=arn, include=["TAGS"])
    properties = template_names(found["taskDefinition"], _FREE) | {"Tags": found.get("tags", [])}
    return Deployed(properties, {"TaskDefinitionArn": arn})


def _environment(clients: Any, name: str, own: Json) -> Deployed:
    found = clients("mwaa").get_environment(Name=name)["Environment"]
    attributes = {"Arn": found["Arn"], "WebserverUrl": found.get("WebserverUrl", "")}
    return Deployed(found, attributes)


def _access_entry(clients: Any, identifier: str, own: Json) -> Deployed:
    principal, _, cluster = identifier.rpartition("|")
    found = clients("eks").describe_access_entry(clusterName=cluster, principalArn=principal)["accessEntry"]
    tags = [{"Key": key, "Value": value} for key, value in found["tags"].items()]
    return Deployed(template_names(found) | {"Tags": tags}, {"AccessEntryArn": found["accessEntryArn"]})


READERS: dict[str, Reader] = {
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::ClusterCapacityProviderAssociations": _capacity_providers,
    "AWS::ECS::TaskDefinition": _task_definition,
    "AWS::EKS::AccessEntry": _access_entry,
    "AWS::MWAA::Environment": _environment,
}

"""Deployed resources against their template: every property that a template sets, read back through the service's API.

A property that no reader knows, and a type without a reader, are differences too: silence is never taken for equality.
Works against any endpoint (clients are given), needs a CloudFormation stack and its template.
"""

from collections.abc import Callable
from typing import Any

from local.aws.compare.differences import Difference, differences
from local.aws.compare.readers import READERS
from local.aws.compare.template import Resolver, Stack

# What a template says to CloudFormation alone: the service never hears of it, and can tell nothing.
_FOR_CLOUDFORMATION = {
    ("AWS::Batch::ComputeEnvironment", "ReplaceComputeEnvironment"),
    ("AWS::Batch::JobDefinition", "ResourceRetentionPolicy"),
}
Clients = Callable[[str], Any]  # service name -> boto3 client


def compare_stack(name: str, template: dict[str, Any], clients: Clients) -> list[Difference]:
    """Every difference between one stack's template and what is deployed."""
    stack = Stack.read(name, template, clients("cloudformation"))
    resolver = Resolver(stack, clients)
    found: list[Difference] = []
    for logical_id, resource in stack.active_resources().items():
        resource_type, properties = resource["Type"], resource.get("Properties") or {}
        if resource_type in ("AWS::CDK::Metadata",):
            continue
        where = f"{name}/{logical_id} ({resource_type})"
        if resource_type not in READERS:
            found.append(Difference(where, "", "no reader for this type", None))
            continue
        said = {key: value for key, value in properties.items() if (resource_type, key) not in _FOR_CLOUDFORMATION}
        deployed = resolver.deployed(logical_id)
        found += differences(where, resolver.resolve(said), deployed.properties)
    return found

"""CloudFormation resource types that ministack lacks, and the properties that it drops."""

from local.aws.cloudformation import (
    access_entries,
    batch,
    buckets,
    capacity_providers,
    clusters,
    environments,
    gateways,
    oidc_providers,
    security_group_rules,
    slow_resources,
    tables,
    task_definitions,
    topics,
    vpcs,
)
from local.aws.faults.switch import FaultSwitch

_PARTS = (
    access_entries,
    batch,
    buckets,
    capacity_providers,
    clusters,
    environments,
    gateways,
    oidc_providers,
    security_group_rules,
    task_definitions,
    tables,
    topics,
    vpcs,
)


def install(faults: FaultSwitch) -> None:
    """Register every handler."""
    for part in _PARTS:
        part.install()
    slow_resources.install(faults)

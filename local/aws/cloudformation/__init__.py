"""CloudFormation resource types that ministack lacks, and the properties that it drops."""

from local.aws.cloudformation import (
    buckets,
    clusters,
    environments,
    gateways,
    security_group_rules,
    task_definitions,
    vpcs,
)


def install() -> None:
    """Register every handler."""
    for part in (vpcs, gateways, security_group_rules, buckets, clusters, task_definitions, environments):
        part.install()

"""Airflow's way into an EKS cluster that is there already: to its address, and as a member of one group in it."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_eks as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from platform_spec.kubernetes import GROUP
from platform_spec.kubernetes_settings import KubernetesSettings


class ClusterAccess(Construct):
    """What the group may do, the cluster says itself (platform_spec.kubernetes.cluster_objects)."""

    def __init__(self, scope: Construct, id_: str, *, settings: KubernetesSettings, airflow: iam.IRole) -> None:
        super().__init__(scope, id_)
        eks.CfnAccessEntry(
            self,
            "Entry",
            cluster_name=settings.cluster,
            principal_arn=airflow.role_arn,
            kubernetes_groups=[GROUP],
        )


def cluster_statements(stack: Stack, settings: KubernetesSettings | None) -> list[iam.PolicyStatement]:
    """For Airflow's role: the cluster's address and certificate. A token for it needs no right at all."""
    if settings is None:
        return []
    cluster = stack.format_arn(service="eks", resource="cluster", resource_name=settings.cluster)
    return [iam.PolicyStatement(sid="FindCluster", actions=["eks:DescribeCluster"], resources=[cluster])]

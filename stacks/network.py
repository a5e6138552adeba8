"""Where Airflow and the tasks run: a VPC without a way in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from platform_spec.environments import Environment
from platform_spec.naming import Names
from stacks.components.endpoint_policies import (
    agent_policies,
    batch_policies,
    interface_policies,
    s3_policy,
    tables_policy,
)
from stacks.components.endpoints import Gateway, InterfaceEndpoints
from stacks.components.private_network import PrivateNetwork
from stacks.components.published import Published
from stacks.components.security_groups import SecurityGroups
from stacks.storage import StorageStack


class NetworkStack(Stack):
    """After storage, because the endpoint policies and the flow logs name its buckets and its key.

    `agents_of`: ECS clusters whose tasks run on EC2 instances too, which must reach ECS. `with_batch`: jobs are
    submitted to AWS Batch.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Environment,
        names: Names,
        storage: StorageStack,
        agents_of: Sequence[str] = (),
        with_batch: bool = False,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        self._zones = list(settings.zones)
        network = PrivateNetwork(self, "Network", settings=settings, names=names, key=storage.key)
        self.vpc, self.private_subnets = network.vpc, network.private_subnets
        groups = SecurityGroups(self, "SecurityGroups", vpc=self.vpc)
        self.task_security_group, self.airflow_security_group = groups.tasks, groups.airflow
        # Instances (lane ec2) carry it too. Exported always: the export could not go before its last user does.
        self.export_value(self.task_security_group.security_group_id)
        through_s3 = s3_policy(
            self, dag_bucket_arn=storage.dag_bucket.bucket_arn, data_bucket_arn=storage.data_bucket.bucket_arn
        )
        services = ec2.GatewayVpcEndpointAwsService
        Gateway(self, "S3", vpc=self.vpc, service=services.S3, statements=through_s3)
        if storage.tables:
            to_tables = tables_policy(self, names, storage.tables)
            Gateway(self, "DynamoDb", vpc=self.vpc, service=services.DYNAMODB, statements=to_tables)
        if settings.network.mode == "endpoints":
            InterfaceEndpoints(
                self,
                "Endpoints",
                vpc=self.vpc,
                subnets=self.private_subnets,
                security_group=groups.endpoint_group(self.vpc),
                policies=self._endpoint_policies(names, storage, agents_of, with_batch=with_batch),
            )
        Published(
            self,
            "Deployment",
            name=names.parameter("network"),
            values={
                "subnets": [subnet.subnet_id for subnet in self.private_subnets],
                "security_groups": [self.task_security_group.security_group_id],
            },
        )

    def _endpoint_policies(
        self, names: Names, storage: StorageStack, agents_of: Sequence[str], *, with_batch: bool
    ) -> dict[str, list[iam.PolicyStatement]]:
        policies = interface_policies(self, names, storage.key.key_arn)
        if with_batch:
            policies |= batch_policies(self, names)
        for service, statements in agent_policies(self, agents_of).items() if agents_of else ():
            policies.setdefault(service, []).extend(statements)
        return policies

    @property
    def availability_zones(self) -> list[str]:
        """The environment's zones. CDK would look them up in the account, which a synth without one cannot do."""
        return self._zones

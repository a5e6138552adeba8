"""The VPC: private subnets for Airflow and the tasks, and a record of what flows."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from platform_spec.environments import Environment
from platform_spec.naming import Names
from stacks.components.logs import OwnedLogGroup


class PrivateNetwork(Construct):
    """`vpc` has one private subnet per zone. With mode nat it has small public subnets too, for the gateways alone."""

    def __init__(self, scope: Construct, id_: str, *, settings: Environment, names: Names, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        nat = settings.network.mode == "nat"
        kind = ec2.SubnetType.PRIVATE_WITH_EGRESS if nat else ec2.SubnetType.PRIVATE_ISOLATED
        # A quarter of the network per zone: every task takes an address of its own. The last quarter is for gateways.
        quarter = int(settings.network.cidr.rpartition("/")[2]) + 2
        subnets = [ec2.SubnetConfiguration(name="private", subnet_type=kind, cidr_mask=quarter)]
        if nat:
            subnets.append(
                ec2.SubnetConfiguration(
                    name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=28, map_public_ip_on_launch=False
                )
            )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=names.prefix,
            ip_addresses=ec2.IpAddresses.cidr(settings.network.cidr),
            availability_zones=list(settings.zones),
            reserved_azs=3 - len(settings.zones),  # a third zone can be added without renumbering anything
            nat_gateways=settings.network.nat_gateways,
            subnet_configuration=subnets,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            # CDK would do it with a Lambda function. Nothing here uses the default group.
            restrict_default_security_group=False,
        )
        self.private_subnets = self.vpc.isolated_subnets or self.vpc.private_subnets
        self._record_flows(settings, names, key)

    def _record_flows(self, settings: Environment, names: Names, key: kms.IKey) -> None:
        group = OwnedLogGroup(self, "FlowLogs", name=names.flow_log_group, settings=settings, key=key)
        role = iam.Role(self, "FlowLogsRole", assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com"))
        policy = iam.ManagedPolicy(self, "FlowLogsPolicy", roles=[role])
        policy.add_statements(
            iam.PolicyStatement(
                sid="WriteFlows",
                actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                resources=[group.log_group_arn],
            )
        )
        log = ec2.FlowLog(
            self,
            "FlowLog",
            resource_type=ec2.FlowLogResourceType.from_vpc(self.vpc),
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group, role.without_policy_updates()),
        )
        log.node.add_dependency(policy)

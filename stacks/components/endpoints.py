"""Ways from private subnets to AWS services without the internet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct


class Gateway(Construct):
    """A gateway endpoint (S3, DynamoDB): free, so every network mode has it."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        vpc: ec2.Vpc,
        service: ec2.IGatewayVpcEndpointService,
        statements: Sequence[iam.PolicyStatement],
    ) -> None:
        super().__init__(scope, id_)
        endpoint = vpc.add_gateway_endpoint(id_, service=service)
        for statement in statements:
            endpoint.add_to_policy(statement)


class InterfaceEndpoints(Construct):
    """One interface endpoint per service in every private subnet, each with its policy."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        vpc: ec2.IVpc,
        subnets: Sequence[ec2.ISubnet],
        security_group: ec2.ISecurityGroup,
        policies: Mapping[str, Sequence[iam.PolicyStatement]],
    ) -> None:
        super().__init__(scope, id_)
        for service, statements in policies.items():
            endpoint = ec2.InterfaceVpcEndpoint(
                self,
                service.title().replace("_", ""),
                vpc=vpc,
                service=getattr(ec2.InterfaceVpcEndpointAwsService, service),
                subnets=ec2.SubnetSelection(subnets=list(subnets)),
                security_groups=[security_group],
                private_dns_enabled=True,
                open=False,  # the group's own rules say who may come in, not "the whole VPC"
            )
            for statement in statements:
                endpoint.add_to_policy(statement)

"""A task inside a VPC reaches AWS only through endpoints that let it, or through NAT (AWS PrivateLink Guide)."""

import json

import pytest

from tests.local.emulator_process import REGION, Emulator
from tests.local.lane import Lane

PROGRAM = """
    import boto3
    from botocore.exceptions import ClientError
    try:
        print(boto3.client("sts").get_caller_identity()["Account"])
    except ClientError as error:
        print(error)
"""
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
PULL = {"ecr.api", "ecr.dkr", "logs", "s3"}


class PrivateLane(Lane):
    """A lane whose tasks run in a subnet without a way to the internet."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator, PROGRAM)
        self.ec2 = emulator.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
        self.table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)
        self.tasks, self.endpoints = self._group("tasks"), self._group("endpoints")
        peers = [{"GroupId": self.tasks}]
        self.ingress = {"GroupId": self.endpoints, "IpPermissions": [{**HTTPS, "UserIdGroupPairs": peers}]}
        self.ec2.authorize_security_group_ingress(**self.ingress)

    def _group(self, name: str) -> str:
        group = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)
        return group["GroupId"]

    def endpoint(self, service: str, policy: dict | None = None) -> str:
        gateway = {"VpcEndpointType": "Gateway", "RouteTableIds": [self.table]}
        interface = {"VpcEndpointType": "Interface", "SubnetIds": [self.subnet], "SecurityGroupIds": [self.endpoints]}
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.vpc,
            ServiceName=f"com.amazonaws.{REGION}.{service}",
            **(gateway if service == "s3" else interface),
            **({"PolicyDocument": json.dumps(policy)} if policy else {}),
        )
        return made["VpcEndpoint"]["VpcEndpointId"]

    def outcome(self) -> str:
        """The task's line, or why it did not start."""
        configuration = {"subnets": [self.subnet], "securityGroups": [self.tasks]}
        task = self.finished(networkConfiguration={"awsvpcConfiguration": configuration})
        lines = self.lines(task["taskArn"])
        return lines[0] if lines else task["stoppedReason"]


@pytest.fixture
def lane(emulator: Emulator) -> PrivateLane:
    return PrivateLane(emulator)


def test_without_endpoints_nothing_can_be_pulled(lane: PrivateLane) -> None:
    assert "there is no endpoint for ecr.api" in lane.outcome()
    for service in sorted(PULL - {"s3"}):
        lane.endpoint(service)
    assert "CannotPullContainerError" in lane.outcome()
    assert "no endpoint for s3" in lane.outcome()


def test_endpoints_and_their_policies_decide(lane: PrivateLane) -> None:
    for service in sorted(PULL):
        lane.endpoint(service)
    assert "no endpoint for sts" in lane.outcome()
    nobody = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*"}
    endpoint = lane.endpoint("sts", {"Version": "2012-10-17", "Statement": [nobody]})
    assert "no VPC endpoint policy allows the sts:GetCallerIdentity action" in lane.outcome()
    lane.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    lane.endpoint("sts", {"Version": "2012-10-17", "Statement": [{**nobody, "Action": "sts:Get*"}]})
    assert lane.outcome() == "000000000000"


def test_security_groups_must_let_it_pass(lane: PrivateLane) -> None:
    for service in sorted(PULL | {"sts"}):
        lane.endpoint(service)
    lane.ec2.revoke_security_group_ingress(**lane.ingress)
    assert f"no ingress rule of {lane.endpoints}" in lane.outcome()
    lane.ec2.authorize_security_group_ingress(**lane.ingress)
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    lane.ec2.revoke_security_group_egress(GroupId=lane.tasks, IpPermissions=everything)
    assert f"no egress rule of {lane.tasks}" in lane.outcome()


def test_nat_needs_no_endpoint(lane: PrivateLane) -> None:
    nat = lane.ec2.create_nat_gateway(SubnetId=lane.subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    lane.ec2.create_route(RouteTableId=lane.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    assert lane.outcome() == "000000000000"

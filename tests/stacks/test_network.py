"""The network: private, in the environment's zones, with ways to AWS that carry only our own calls."""

from __future__ import annotations

import ipaddress
import json

import pytest

from platform_spec.environments import load_environment
from tests.stacks.conftest import ROOT, Deployments
from tests.stacks.evaluate import Deployment, statements

# What MWAA needs without NAT (user guide, "Creating the required VPC service endpoints") and what our tasks need.
GATEWAYS = {"s3", "dynamodb"}  # free; DynamoDB where a task has tables
SERVICES = {
    *("airflow.api", "airflow.env", "sqs", "logs", "monitoring", "kms", "ecr.api", "ecr.dkr"),
    *("ecs", "secretsmanager", "ssm", "sts"),
    "sns",  # where failures are told through the topic of the alarms
    "batch",  # where a task has that lane
}


def test_private_subnets_lie_in_the_zones_of_the_environment(deployment: Deployment) -> None:
    settings = load_environment(deployment.name, ROOT)
    subnets = deployment.resources("network", "AWS::EC2::Subnet").values()
    private = [s for s in subnets if any(tag["Value"] == "private" for tag in s["Tags"])]
    assert [subnet["AvailabilityZone"] for subnet in private] == list(settings.zones)
    network = ipaddress.IPv4Network(settings.network.cidr)
    for subnet in subnets:
        assert ipaddress.IPv4Network(subnet["CidrBlock"]).subnet_of(network)
        assert subnet["MapPublicIpOnLaunch"] is False
    [vpc] = deployment.resources("network", "AWS::EC2::VPC").values()
    assert (vpc["EnableDnsHostnames"], vpc["EnableDnsSupport"]) == (True, True)  # MWAA asks for both


def test_endpoints_or_nat(deployment: Deployment) -> None:
    settings = load_environment(deployment.name, ROOT)
    endpoints = deployment.resources("network", "AWS::EC2::VPCEndpoint").values()
    services = {e["ServiceName"].removeprefix(f"com.amazonaws.{deployment.region}."): e for e in endpoints}
    gateways = deployment.resources("network", "AWS::EC2::NatGateway")
    if settings.network.mode == "nat":
        assert set(services) == GATEWAYS
        assert len(gateways) == settings.network.nat_gateways
    else:
        assert set(services) == GATEWAYS | SERVICES
        assert not gateways
        assert not deployment.resources("network", "AWS::EC2::Route")  # no way to the internet at all
    for name, endpoint in services.items():
        assert endpoint["VpcEndpointType"] == ("Gateway" if name in GATEWAYS else "Interface")
        if name not in GATEWAYS:
            assert endpoint["PrivateDnsEnabled"] is True
            assert len(endpoint["SubnetIds"]) == len(settings.zones)


def test_third_zone_and_nat_do_not_renumber_the_others(deployments: Deployments) -> None:
    """Private subnets have the same share of the network whatever else the environment has."""
    shares = {}
    for name in ("dev", "stg", "prod"):
        network = ipaddress.IPv4Network(load_environment(name, ROOT).network.cidr)
        first, second = list(deployments[name].resources("network", "AWS::EC2::Subnet").values())[:2]
        starts = [ipaddress.IPv4Network(s["CidrBlock"]).network_address for s in (first, second)]
        shares[name] = [int(start) - int(network.network_address) for start in starts]
    assert shares["dev"] == shares["stg"] == shares["prod"]


def test_nothing_is_reachable_from_outside(deployment: Deployment) -> None:
    groups = deployment.resources("network", "AWS::EC2::SecurityGroup")
    for id_, group in groups.items():
        assert "SecurityGroupIngress" not in group, id_
    inward = {}
    for rule in deployment.resources("network", "AWS::EC2::SecurityGroupIngress").values():
        assert "CidrIp" not in rule
        assert "CidrIpv6" not in rule
        pair = (_group(rule["GroupId"]), _group(rule["SourceSecurityGroupId"]))
        inward[pair] = (rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"))
    expected: dict[tuple[str, str], tuple[str, int | None, int | None]] = {("Airflow", "Airflow"): ("-1", None, None)}
    if load_environment(deployment.name, ROOT).network.mode == "endpoints":
        expected |= {("Endpoints", source): ("tcp", 443, 443) for source in ("Tasks", "Airflow")}
    assert inward == expected


def test_outward_only_https(deployment: Deployment) -> None:
    for id_, group in deployment.resources("network", "AWS::EC2::SecurityGroup").items():
        ports = {(rule["IpProtocol"], rule.get("FromPort")) for rule in group.get("SecurityGroupEgress", [])}
        closed = {("icmp", 252)}  # how CDK writes "nothing"
        assert ports == (closed if "Endpoints" in id_ else {("tcp", 443)}), id_


@pytest.mark.parametrize("env", ["stg", "prod", "local"])
def test_endpoint_policies_name_what_is_ours(deployments: Deployments, env: str) -> None:
    deployment = deployments[env]
    prefix = f"com.amazonaws.{deployment.region}."
    policies = {
        e["ServiceName"].removeprefix(prefix): statements(e["PolicyDocument"])
        for e in deployment.resources("network", "AWS::EC2::VPCEndpoint").values()
    }
    own = {"StringEquals": {"aws:PrincipalAccount": deployment.account}}
    region, account = deployment.region, deployment.account
    queues = policies["sqs"]["CeleryQueues"]
    assert (queues["Resource"], queues["Condition"]) == ([f"arn:aws:sqs:{region}:*:airflow-celery-*"], own)
    assert len(queues["Action"]) == 6
    assert policies["ecs"]["OwnTasks"]["Resource"] == [
        f"arn:aws:ecs:{region}:{account}:cluster/tasklane-{env}",
        f"arn:aws:ecs:{region}:{account}:container-instance/tasklane-{env}/*",
        f"arn:aws:ecs:{region}:{account}:task-definition/tasklane-{env}-*",
        f"arn:aws:ecs:{region}:{account}:task/tasklane-{env}/*",
    ]
    assert policies["ecs"]["OwnTasks"]["Condition"] == own
    assert policies["secretsmanager"]["OwnSecrets"]["Resource"] == [
        f"arn:aws:secretsmanager:{region}:{account}:secret:tasklane-{env}/*"
    ]
    assert policies["ssm"]["OwnParameters"]["Resource"] == [
        f"arn:aws:ssm:{region}:{account}:parameter/tasklane/{env}/*"
    ]
    tell = policies["sns"]["TellFailures"]
    assert (tell["Action"], tell["Resource"], tell["Condition"]) == (
        ["sns:Publish"],
        [f"arn:aws:sns:{region}:{account}:tasklane-{env}-alarms"],
        own,
    )
    assert policies["sts"] == {**policies["sts"], "WhoAmI": {**policies["sts"]["WhoAmI"], "Condition": own}}
    pulls = {action for name in ("ecr.api", "ecr.dkr") for action in policies[name]["Pull"]["Action"]}
    assert not any("Put" in action or "Upload" in action for action in pulls)


def test_s3_carries_our_buckets_and_never_writes_dags(deployment: Deployment) -> None:
    [gateway] = [
        e for e in deployment.resources("network", "AWS::EC2::VPCEndpoint").values() if e["ServiceName"].endswith(".s3")
    ]
    policy = statements(gateway["PolicyDocument"])
    data, dags = (
        f"arn:aws:s3:::tasklane-{deployment.name}-{purpose}-{deployment.account}-{deployment.region}"
        for purpose in ("data", "dags")
    )
    assert policy["ReadBuckets"]["Resource"] == sorted([data, f"{data}/*", dags, f"{dags}/*"])
    assert policy["WriteData"]["Resource"] == [f"{data}/*"]
    writing = [s["Sid"] for s in policy.values() if any("Put" in a or "Delete" in a for a in s["Action"])]
    assert writing == ["WriteData"]


def test_flows_are_recorded(deployment: Deployment) -> None:
    [flow] = deployment.resources("network", "AWS::EC2::FlowLog").values()
    assert (flow["TrafficType"], flow["LogDestinationType"]) == ("ALL", "cloud-watch-logs")
    [group] = deployment.resources("network", "AWS::Logs::LogGroup").values()
    assert group["LogGroupName"] == flow["LogGroupName"] == f"/tasklane/{deployment.name}/network/flow-logs"
    assert group["RetentionInDays"] == load_environment(deployment.name, ROOT).log_retention_days
    assert group["KmsKeyId"].startswith("<AWS::KMS::Key/")


def test_what_is_published(deployment: Deployment) -> None:
    parameter = deployment.one("network", "AWS::SSM::Parameter")
    assert parameter["Name"] == f"/tasklane/{deployment.name}/deployment/network"
    values = json.loads(parameter["Value"])
    assert len(values["subnets"]) == len(load_environment(deployment.name, ROOT).zones)
    assert [_group(group) for group in values["security_groups"]] == ["Tasks"]


def _group(reference: str) -> str:
    return next(name for name in ("Airflow", "Endpoints", "Tasks") if f"SecurityGroups{name}" in reference)

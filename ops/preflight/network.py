"""Can MWAA and the tasks reach what they need? (MWAA user guide, "About networking", "Private routing")"""

from collections.abc import Iterator

from ops.finding import Finding
from ops.preflight.subject import Resource, Subject, as_list, text_of

GUIDE = "MWAA user guide, Creating the required VPC service endpoints"
# Services by the end of the endpoint's name, and who needs them.
WITHOUT_INTERNET = {
    "airflow.api": "MWAA", "airflow.env": "MWAA", "sqs": "MWAA", "logs": "MWAA and tasks", "monitoring": "MWAA",
    "kms": "MWAA", "ecr.api": "tasks", "ecr.dkr": "tasks", "s3": "MWAA and tasks", "ecs": "the ECS operator",
    "secretsmanager": "tasks with secrets", "ssm": "tasks", "sts": "tasks and workers",
}  # fmt: skip


def check_network(subject: Subject) -> Iterator[Finding]:
    yield from _vpc(subject)
    yield from _security_group(subject)
    environment = subject.one("AWS::MWAA::Environment")
    if environment is None:
        return
    given = environment.properties.get("NetworkConfiguration", {}).get("SubnetIds", [])
    subnets = subject.targets(given, environment.stack)
    if not all(_has_way_out(subject, subnet) for subnet in subnets):
        yield from _endpoints(subject)


def _vpc(subject: Subject) -> Iterator[Finding]:
    for vpc in subject.all("AWS::EC2::VPC"):
        for key in ("EnableDnsSupport", "EnableDnsHostnames"):
            if vpc.properties.get(key) is not True:
                why = f"private DNS names of interface endpoints do not resolve without it ({GUIDE})"
                yield Finding("DNS", str(vpc), f"{key} is not true", why, f"set {key}")


def _security_group(subject: Subject) -> Iterator[Finding]:
    """The group of the environment must accept all traffic from itself."""
    environment = subject.one("AWS::MWAA::Environment")
    if environment is None:
        return
    groups = environment.properties.get("NetworkConfiguration", {}).get("SecurityGroupIds", [])
    for group in subject.targets(groups, environment.stack):
        rules = [rule for rule in subject.all("AWS::EC2::SecurityGroupIngress") if _within(subject, rule, group)]
        inline = as_list(group.properties.get("SecurityGroupIngress"))
        if not rules and not any(str(rule.get("IpProtocol")) == "-1" for rule in inline):
            why = "schedulers, workers and the database find each other by it (user guide, Security in your VPC)"
            yield Finding(
                "security group", str(group), "has no self-referencing rule", why, "allow all traffic from itself"
            )


def _within(subject: Subject, rule: Resource, group: Resource) -> bool:
    ends = [subject.target(rule.properties.get(key), rule.stack) for key in ("GroupId", "SourceSecurityGroupId")]
    return ends == [group, group] and str(rule.properties.get("IpProtocol")) == "-1"


def _has_way_out(subject: Subject, subnet: Resource) -> bool:
    """Whether a default route of the subnet leads to a NAT gateway."""
    tables = [
        subject.target(link.properties["RouteTableId"], link.stack)
        for link in subject.all("AWS::EC2::SubnetRouteTableAssociation")
        if subject.target(link.properties["SubnetId"], link.stack) == subnet
    ]
    return any(
        "NatGatewayId" in route.properties and subject.target(route.properties["RouteTableId"], route.stack) in tables
        for route in subject.all("AWS::EC2::Route")
    )


def _endpoints(subject: Subject) -> Iterator[Finding]:
    present = set()
    for endpoint in subject.all("AWS::EC2::VPCEndpoint"):
        name = text_of(endpoint.properties.get("ServiceName"))
        present.add(".".join(name.split(".")[3:]) if name.startswith(("com.", "aws.")) else name.rsplit(".", 1)[-1])
        if endpoint.properties.get("VpcEndpointType") == "Interface" and not endpoint.properties.get(
            "PrivateDnsEnabled"
        ):
            why = f"SDKs call the public name, which leads nowhere without internet ({GUIDE})"
            yield Finding("endpoints", str(endpoint), "has no private DNS", why, "set PrivateDnsEnabled")
    jobs = {"batch": "the Batch operator"} if subject.all("AWS::Batch::JobDefinition") else {}
    for service, who in {**WITHOUT_INTERNET, **jobs}.items():
        if service not in present:
            why = f"no NAT gateway either: {who} cannot reach it; MWAA ends in CREATE_FAILED after 30 minutes ({GUIDE})"
            where = subject.names.stack("network")
            yield Finding("endpoints", where, f"no way to {service}", why, "add the endpoint, or network.mode = nat")

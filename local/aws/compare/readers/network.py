"""VPC, subnets, endpoints, addresses, NAT, flow logs, security groups (Amazon EC2 API Reference, Describe calls)."""

from typing import Any

from local.aws.compare.readers.base import Deployed, Json, Reader


def _vpc(clients: Any, identifier: str, own: Json) -> Deployed:
    ec2 = clients("ec2")
    vpc = ec2.describe_vpcs(VpcIds=[identifier])["Vpcs"][0]
    properties = {key: vpc[key] for key in ("CidrBlock", "InstanceTenancy")} | {"Tags": vpc.get("Tags", [])}
    for name in ("EnableDnsSupport", "EnableDnsHostnames"):
        attribute = name[0].lower() + name[1:]
        properties[name] = ec2.describe_vpc_attribute(VpcId=identifier, Attribute=attribute)[name]["Value"]
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [identifier]}])["SecurityGroups"]
    default = next(group["GroupId"] for group in groups if group["GroupName"] == "default")
    attributes = {"VpcId": identifier, "CidrBlock": vpc["CidrBlock"], "DefaultSecurityGroup": default}
    return Deployed(properties, attributes)


def _subnet(clients: Any, identifier: str, own: Json) -> Deployed:
    subnet = clients("ec2").describe_subnets(SubnetIds=[identifier])["Subnets"][0]
    return Deployed(subnet, {"SubnetId": identifier, "AvailabilityZone": subnet["AvailabilityZone"]})


def _gateway(clients: Any, identifier: str, own: Json) -> Deployed:
    found = clients("ec2").describe_internet_gateways(InternetGatewayIds=[identifier])["InternetGateways"][0]
    return Deployed(found, {"InternetGatewayId": identifier})


def _attachment(clients: Any, identifier: str, own: Json) -> Deployed:
    gateway = own["InternetGatewayId"]
    found = clients("ec2").describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"][0]
    return Deployed({"InternetGatewayId": gateway, "VpcId": found["Attachments"][0]["VpcId"]})


def _address(clients: Any, identifier: str, own: Json) -> Deployed:
    found = clients("ec2").describe_addresses()["Addresses"]
    address = next(one for one in found if one["PublicIp"] == identifier)
    return Deployed(address, {key: address[key] for key in ("AllocationId", "PublicIp")})


def _nat(clients: Any, identifier: str, own: Json) -> Deployed:
    found = clients("ec2").describe_nat_gateways(NatGatewayIds=[identifier])["NatGateways"][0]
    addresses = found.get("NatGatewayAddresses") or []
    allocation = {"AllocationId": addresses[0]["AllocationId"]} if addresses else {}
    return Deployed(found | allocation, {"NatGatewayId": identifier})


def _flow_log(clients: Any, identifier: str, own: Json) -> Deployed:
    found = clients("ec2").describe_flow_logs(FlowLogIds=[identifier])["FlowLogs"][0]
    kind = {"vpc-": "VPC", "subnet-": "Subnet", "eni-": "NetworkInterface"}
    resource_type = next(name for prefix, name in kind.items() if found["ResourceId"].startswith(prefix))
    return Deployed(found | {"ResourceType": resource_type}, {"Id": identifier})


def _endpoint(clients: Any, identifier: str, own: Json) -> Deployed:
    found = clients("ec2").describe_vpc_endpoints(VpcEndpointIds=[identifier])["VpcEndpoints"][0]
    groups = [group["GroupId"] for group in found.get("Groups") or []]
    return Deployed(found | {"SecurityGroupIds": groups}, {"Id": identifier})


def _group(clients: Any, identifier: str, own: Json) -> Deployed:
    found = clients("ec2").describe_security_groups(GroupIds=[identifier])["SecurityGroups"][0]
    properties = {
        "GroupName": found["GroupName"],
        "GroupDescription": found["Description"],
        "VpcId": found["VpcId"],
        "Tags": found.get("Tags", []),
        # Rules that are resources of their own belong to those; the rest is the group's.
        "SecurityGroupIngress": _template_rules(found["IpPermissions"], "Source", with_groups=False),
        "SecurityGroupEgress": _template_rules(found["IpPermissionsEgress"], "Destination", with_groups=False),
    }
    return Deployed(properties, {"GroupId": identifier, "VpcId": found["VpcId"]})


def _rule(permissions: str, side: str) -> Reader:
    def read(clients: Any, identifier: str, own: Json) -> Deployed:
        group = clients("ec2").describe_security_groups(GroupIds=[own["GroupId"]])["SecurityGroups"][0]
        rules = _template_rules(group[permissions], side, with_groups=True)
        wanted = {key: str(value) for key, value in own.items() if key != "GroupId"}
        for rule in rules:
            if {key: str(rule.get(key)) for key in wanted} == wanted:
                return Deployed({"GroupId": group["GroupId"], **rule}, {"Id": identifier})
        return Deployed({"GroupId": group["GroupId"]}, {"Id": identifier})

    return read


def _template_rules(permissions: list[Json], side: str, *, with_groups: bool) -> list[Json]:
    """The API groups sources under one permission; a template has a rule per source."""
    rules: list[Json] = []
    for permission in permissions:
        common = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
        sources = [{"CidrIp": one["CidrIp"], **_described(one)} for one in permission.get("IpRanges") or []]
        sources += [{"CidrIpv6": one["CidrIpv6"], **_described(one)} for one in permission.get("Ipv6Ranges") or []]
        if with_groups:
            pairs = permission.get("UserIdGroupPairs") or []
            sources += [{f"{side}SecurityGroupId": one["GroupId"], **_described(one)} for one in pairs]
            lists = permission.get("PrefixListIds") or []
            sources += [{f"{side}PrefixListId": one["PrefixListId"], **_described(one)} for one in lists]
        rules += [common | source for source in sources]
    return rules


def _described(source: Json) -> Json:
    return {"Description": source["Description"]} if source.get("Description") else {}


READERS: dict[str, Reader] = {
    "AWS::EC2::VPC": _vpc,
    "AWS::EC2::Subnet": _subnet,
    "AWS::EC2::InternetGateway": _gateway,
    "AWS::EC2::VPCGatewayAttachment": _attachment,
    "AWS::EC2::EIP": _address,
    "AWS::EC2::NatGateway": _nat,
    "AWS::EC2::FlowLog": _flow_log,
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::EC2::SecurityGroup": _group,
    "AWS::EC2::SecurityGroupIngress": _rule("IpPermissions", "Source"),
    "AWS::EC2::SecurityGroupEgress": _rule("IpPermissionsEgress", "Destination"),
}

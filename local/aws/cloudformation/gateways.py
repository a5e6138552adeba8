"""AWS::EC2::EIP, NatGateway and FlowLog (AWS CloudFormation Template Reference, pages of these types)."""

import re

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from local.aws.cloudformation.registry import Json, Made, ResourceError, checked, expect, register

_FLOW_LOG = {
    "ResourceId",
    "ResourceType",
    "TrafficType",
    "LogDestinationType",
    "LogDestination",
    "LogGroupName",
    "DeliverLogsPermissionArn",
    "LogFormat",
    "MaxAggregationInterval",
    "Tags",
}


def install() -> None:
    """Register the three types."""
    register("AWS::EC2::EIP", _create_address, _update_address, _delete_address, tags="list")
    register("AWS::EC2::NatGateway", _create_nat, _update_nat, _delete_nat, tags="list")
    register("AWS::EC2::FlowLog", _create_flow_log, _update_flow_log, _delete_flow_log, tags="list")
    # Create-only properties: a change makes a new resource (same pages, "Update requires: Replacement").
    provisioners._REPLACING_PROPERTIES |= {
        "AWS::EC2::NatGateway": ("SubnetId", "AllocationId", "ConnectivityType", "PrivateIpAddress"),
        "AWS::EC2::FlowLog": tuple(sorted(_FLOW_LOG - {"Tags"})),
    }


def _element(body: bytes, tag: str) -> str:
    found = re.search(f"<{tag}>([^<]+)</{tag}>", body.decode())
    if found is None:
        raise ResourceError(f"no <{tag}> in the answer")
    return found[1]


def _create_address(logical_id: str, properties: Json, stack: str) -> Made:
    expect("AWS::EC2::EIP", properties, {"Domain", "Tags"})
    ec2._ensure_defaults_initialized()
    body = checked(ec2._allocate_address({"Domain": [properties.get("Domain", "vpc")]}))
    allocation, address = _element(body, "allocationId"), _element(body, "publicIp")
    provisioners._ec2_apply_tags(allocation, properties)
    # Ref answers the address; the allocation id is an attribute.
    return address, {"AllocationId": allocation, "PublicIp": address}


def _allocation(address: str) -> str | None:
    return next((key for key, record in ec2._addresses.items() if record["PublicIp"] == address), None)


def _update_address(address: str, old: Json, new: Json, stack: str) -> Made:
    expect("AWS::EC2::EIP", new, {"Domain", "Tags"})
    allocation = _allocation(address) or ""
    provisioners._ec2_apply_tags(allocation, new, old)
    return address, {"AllocationId": allocation, "PublicIp": address}


def _delete_address(address: str, properties: Json) -> None:
    allocation = _allocation(address)
    if allocation:
        checked(ec2._release_address({"AllocationId": [allocation]}))


def _create_nat(logical_id: str, properties: Json, stack: str) -> Made:
    expect("AWS::EC2::NatGateway", properties, {"SubnetId", "AllocationId", "ConnectivityType", "Tags"})
    if properties["SubnetId"] not in ec2._subnets:
        raise ResourceError(f"The subnet ID '{properties['SubnetId']}' does not exist")
    parameters = {
        key: [properties[key]] for key in ("SubnetId", "AllocationId", "ConnectivityType") if key in properties
    }
    identifier = _element(checked(ec2._create_nat_gateway(parameters)), "natGatewayId")
    provisioners._ec2_apply_tags(identifier, properties)
    return identifier, {"NatGatewayId": identifier}


def _update_nat(identifier: str, old: Json, new: Json, stack: str) -> Made:
    provisioners._ec2_apply_tags(identifier, new, old)
    return identifier, {"NatGatewayId": identifier}


def _delete_nat(identifier: str, properties: Json) -> None:
    checked(ec2._delete_nat_gateway({"NatGatewayId": [identifier]}))
    ec2._nat_gateways.pop(identifier, None)


def _create_flow_log(logical_id: str, properties: Json, stack: str) -> Made:
    expect("AWS::EC2::FlowLog", properties, _FLOW_LOG)
    parameters = {"ResourceId.1": [properties["ResourceId"]]}
    parameters |= {key: [str(properties[key])] for key in _FLOW_LOG - {"Tags", "ResourceId"} if key in properties}
    identifier = _element(checked(ec2._create_flow_logs(parameters)), "item")
    record = ec2._flow_logs[identifier]
    record |= {key: str(properties[key]) for key in _FLOW_LOG - {"Tags", "ResourceId"} if key in properties}
    provisioners._ec2_apply_tags(identifier, properties)
    return identifier, {"Id": identifier}


def _update_flow_log(identifier: str, old: Json, new: Json, stack: str) -> Made:
    provisioners._ec2_apply_tags(identifier, new, old)
    return identifier, {"Id": identifier}


def _delete_flow_log(identifier: str, properties: Json) -> None:
    checked(ec2._delete_flow_logs({"FlowLogId.1": [identifier]}))

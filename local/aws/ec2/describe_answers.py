"""Members that ministack stores but leaves out of DescribeVpcEndpoints, DescribeFlowLogs and DescribeNatGateways.

Source: Amazon EC2 API Reference, VpcEndpoint, FlowLog and NatGateway. Each answer is ministack's own, with the missing
elements added to the resource's item.
"""

import json
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from defusedxml.ElementTree import fromstring
from ministack.services import ec2

Json = dict[str, Any]
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_TAG = f"{{{_NAMESPACE}}}"
register_namespace("", _NAMESPACE)


def install() -> None:
    """Wrap the three calls."""
    _wrap("DescribeVpcEndpoints", "vpcEndpointSet", "vpcEndpointId", ec2._vpc_endpoints, _endpoint)
    _wrap("DescribeFlowLogs", "flowLogSet", "flowLogId", ec2._flow_logs, _flow_log)
    _wrap("DescribeNatGateways", "natGatewaySet", "natGatewayId", ec2._nat_gateways, _nat)


def _wrap(action: str, items: str, identifier: str, store: Any, complete: Callable[[Element, Json], None]) -> None:
    stock = ec2._ACTION_MAP[action]

    def completed(parameters: Json) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = stock(parameters)
        if status >= 400:
            return status, headers, body
        root = fromstring(body)
        for item in root.findall(f"{_TAG}{items}/{_TAG}item"):
            record = store.get(item.findtext(f"{_TAG}{identifier}"))
            if record:
                complete(item, record)
        return status, headers, tostring(root, encoding="utf-8", xml_declaration=True)

    ec2._ACTION_MAP[action] = completed


def _add(item: Element, name: str, value: object) -> None:
    if value is not None:
        SubElement(item, _TAG + name).text = str(value).lower() if isinstance(value, bool) else str(value)


def _endpoint(item: Element, record: Json) -> None:
    policy = record.get("PolicyDocument")
    _add(item, "policyDocument", json.dumps(policy) if isinstance(policy, dict) else policy)
    _add(item, "privateDnsEnabled", str(record.get("PrivateDnsEnabled", False)).lower() == "true")
    _add(item, "creationTimestamp", record.get("CreationTimestamp"))
    groups = SubElement(item, _TAG + "groupSet")
    for group in record.get("SecurityGroupIds") or []:
        member = SubElement(groups, _TAG + "item")
        _add(member, "groupId", group)
        _add(member, "groupName", (ec2._security_groups.get(group) or {}).get("GroupName"))


def _flow_log(item: Element, record: Json) -> None:
    members = ("LogGroupName", "DeliverLogsPermissionArn", "LogFormat", "MaxAggregationInterval")
    for member in members:
        _add(item, member[0].lower() + member[1:], record.get(member))


def _nat(item: Element, record: Json) -> None:
    if not record.get("AllocationId"):
        return
    addresses = item.find(_TAG + "natGatewayAddressSet")
    member = SubElement(item if addresses is None else addresses, _TAG + "item")
    _add(member, "allocationId", record["AllocationId"])
    _add(member, "publicIp", (ec2._addresses.get(record["AllocationId"]) or {}).get("PublicIp"))

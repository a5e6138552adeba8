"""Whether security groups let HTTPS pass between a caller and an endpoint (Amazon VPC User Guide)."""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

from ministack.services import ec2

Json = dict[str, Any]
HTTPS = 443


def lets_out(groups: Iterable[str], to_groups: Iterable[str], to_subnets: Iterable[str]) -> bool:
    """Whether one of the groups has an egress rule to the endpoint's groups or addresses."""
    return _passes(groups, "IpPermissionsEgress", set(to_groups), list(to_subnets))


def lets_in(groups: Iterable[str], from_groups: Iterable[str], from_subnets: Iterable[str]) -> bool:
    """Whether one of the groups has an ingress rule for the caller's groups or addresses."""
    return _passes(groups, "IpPermissions", set(from_groups), list(from_subnets))


def _passes(groups: Iterable[str], side: str, peers: set[str], subnets: list[str]) -> bool:
    rules = [rule for group in groups for rule in (ec2._security_groups.get(group) or {}).get(side, [])]
    return any(_covers_https(rule) and _names(rule, peers, subnets) for rule in rules)


def _covers_https(rule: Json) -> bool:
    if str(rule.get("IpProtocol")) == "-1":
        return True
    return rule.get("IpProtocol") in ("tcp", "6") and rule.get("FromPort", 0) <= HTTPS <= rule.get("ToPort", 65535)


def _names(rule: Json, peers: set[str], subnets: list[str]) -> bool:
    if peers & {pair.get("GroupId") for pair in rule.get("UserIdGroupPairs") or []}:
        return True
    ranges = [ip_network(one["CidrIp"]) for one in rule.get("IpRanges") or []]
    blocks = [ip_network(ec2._subnets[subnet]["CidrBlock"]) for subnet in subnets if subnet in ec2._subnets]
    # A prefix list stands for the addresses of a gateway endpoint.
    return bool(rule.get("PrefixListIds")) or any(block.subnet_of(one) for one in ranges for block in blocks)

"""A call from inside a VPC: through an endpoint and its policy, through NAT, or not at all.

Sources: AWS PrivateLink Guide, "Control access to VPC endpoints using endpoint policies" (the endpoint's policy must
allow the call as well; no policy allows everything); "Gateway endpoints" (by route table); Amazon VPC User Guide, NAT.
On AWS a call without a way ends in a time-out after a minute or more: here it is refused at once, with the reason.
"""

from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.services import ec2

from local.aws.network import security_groups
from local.aws.network.origin import Origin

Json = dict[str, Any]
# Services by the last part of their endpoints' names. ECR: images come from ecr.dkr, all else from ecr.api.
_PULLS = {"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
_ENDPOINTS = {
    "dynamodb": "dynamodb",
    "s3": "s3",
    "ecs": "ecs",
    "logs": "logs",
    "sts": "sts",
    "kms": "kms",
    "sqs": "sqs",
    "sns": "sns",
    "ssm": "ssm",
    "secretsmanager": "secretsmanager",
    "monitoring": "monitoring",
    "cloudwatch": "monitoring",
    "ecr": "ecr.api",
    "events": "events",
    "airflow": "airflow.api",
}


def denial(origin: Origin, service: str, region: str, context: EvalContext) -> str | None:
    """Why the call does not arrive, or None. The context holds principal, action, resource and conditions."""
    name = "ecr.dkr" if context.action in _PULLS else _ENDPOINTS.get(service)
    if name is None:
        return None
    endpoint = _endpoint(origin, f"com.amazonaws.{region}.{name}")
    if endpoint is not None:
        return _blocked(origin, endpoint, name) or _refused(endpoint, context)
    if _has_way_out(origin):
        return None
    return (
        f"there is no endpoint for {name} in {origin.vpc} and no route to the internet from "
        f"{', '.join(origin.subnets)}: on AWS {context.action} would time out"
    )


def _endpoint(origin: Origin, service_name: str) -> Json | None:
    for endpoint in ec2._vpc_endpoints.values():
        if endpoint["VpcId"] != origin.vpc or endpoint["ServiceName"] != service_name:
            continue
        if endpoint["VpcEndpointType"] != "Gateway" or set(_route_tables(origin)) <= set(endpoint["RouteTableIds"]):
            return dict(endpoint)
    return None


def _blocked(origin: Origin, endpoint: Json, name: str) -> str | None:
    groups, subnets = endpoint.get("SecurityGroupIds") or [], endpoint.get("SubnetIds") or []
    gateway = endpoint["VpcEndpointType"] == "Gateway"
    # The addresses of a gateway endpoint are public: only a rule to everywhere or to its prefix list reaches them.
    if not security_groups.lets_out(origin.groups, groups, origin.subnets if gateway else subnets):
        return f"no egress rule of {', '.join(origin.groups)} lets HTTPS out to the endpoint for {name}"
    if not gateway and not security_groups.lets_in(groups, origin.groups, origin.subnets):
        return f"no ingress rule of {', '.join(groups)} lets {', '.join(origin.groups)} in to the endpoint for {name}"
    return None


def _refused(endpoint: Json, context: EvalContext) -> str | None:
    policy = endpoint.get("PolicyDocument")
    if not policy or evaluate_resource_policy(policy, context).decision == "Allow":
        return None
    return (
        f"User: {context.principal_arn} is not authorized to perform: {context.action} on resource: "
        f"{context.resource_arn} because no VPC endpoint policy allows the {context.action} action"
    )


def _has_way_out(origin: Origin) -> bool:
    tables = [ec2._route_tables[table] for table in _route_tables(origin)]
    return bool(tables) and all(
        any(
            route.get("DestinationCidrBlock") == "0.0.0.0/0" and (route.get("NatGatewayId") or route.get("GatewayId"))
            for route in table["Routes"]
        )
        for table in tables
    )


def _route_tables(origin: Origin) -> list[str]:
    """The table of each subnet: the one associated, else the main table of the VPC."""
    tables = {key: one for key, one in ec2._route_tables.items() if one["VpcId"] == origin.vpc}
    found = []
    for subnet in origin.subnets:
        explicit = [key for key, one in tables.items() if any(a.get("SubnetId") == subnet for a in one["Associations"])]
        main = [key for key, one in tables.items() if any(a.get("Main") for a in one["Associations"])]
        found += (explicit or main)[:1]
    return found

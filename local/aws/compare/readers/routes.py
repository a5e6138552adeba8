"""Route tables, routes, associations (Amazon EC2 API Reference, DescribeRouteTables)."""

from typing import Any

from local.aws.compare.readers.base import Deployed, Json, Reader


def _table(clients: Any, identifier: str, own: Json) -> Deployed:
    found = clients("ec2").describe_route_tables(RouteTableIds=[identifier])["RouteTables"][0]
    return Deployed(found, {"RouteTableId": identifier})


def _route(clients: Any, identifier: str, own: Json) -> Deployed:
    table = clients("ec2").describe_route_tables(RouteTableIds=[own["RouteTableId"]])["RouteTables"][0]
    for route in table["Routes"]:
        if route.get("DestinationCidrBlock") == own.get("DestinationCidrBlock"):
            return Deployed({"RouteTableId": table["RouteTableId"], **route})
    return Deployed({"RouteTableId": table["RouteTableId"]})


def _association(clients: Any, identifier: str, own: Json) -> Deployed:
    for table in clients("ec2").describe_route_tables()["RouteTables"]:
        for association in table.get("Associations") or []:
            if association["RouteTableAssociationId"] == identifier:
                return Deployed(association, {"Id": identifier})
    return Deployed({})


READERS: dict[str, Reader] = {
    "AWS::EC2::RouteTable": _table,
    "AWS::EC2::Route": _route,
    "AWS::EC2::SubnetRouteTableAssociation": _association,
}

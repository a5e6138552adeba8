"""What an environment bills by use only: named with its price, and left out of what it costs idle. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ops.cost.lines import Line
from platform_spec.prices import price

FREE_DASHBOARDS = 3  # CloudWatch's free tier, per account: not taken off, because others use it too
Resource = dict[str, Any]  # the properties of one


def _any(_: Resource) -> bool:
    return True


class Use(NamedTuple):
    kind: str
    what: str
    item: str  # of the price table
    bills: Callable[[Resource], bool] = _any


def _on_instances(properties: Resource) -> bool:
    return properties.get("ComputeResources", {}).get("Type") in ("EC2", "SPOT")


def _insights(properties: Resource) -> bool:
    return any(setting["Value"] in ("enabled", "enhanced") for setting in properties.get("ClusterSettings", []))


def _takes_metrics(properties: Resource) -> bool:
    """The log group of the lanes: its events become metrics (platform_spec/run_metrics.py)."""
    return str(properties.get("LogGroupName", "")).endswith("/lanes")


def _recovers(properties: Resource) -> bool:
    return bool(properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"))


def _is_interface(properties: Resource) -> bool:
    return properties.get("VpcEndpointType") == "Interface"


USES = (
    Use("AWS::MWAA::Environment", "Airflow's metadata database, per GB-month", "mwaa.database_gb"),
    Use("AWS::S3::Bucket", "object storage, per GB-month", "s3.stored_gb"),
    Use("AWS::Logs::LogGroup", "logs, per GB taken in", "logs.ingested_gb"),
    Use("AWS::Logs::LogGroup", "logs, per GB-month kept", "logs.stored_gb"),
    Use("AWS::Logs::LogGroup", "metrics of the lanes, per metric-month", "cloudwatch.metric", _takes_metrics),
    Use("AWS::EC2::FlowLog", "flow logs, per GB taken in", "logs.vended_gb"),
    Use("AWS::ECR::Repository", "images, per GB-month", "ecr.stored_gb"),
    Use("AWS::ECS::Cluster", "Container Insights, per metric-month", "cloudwatch.container_insights", _insights),
    Use("AWS::CloudWatch::Dashboard", f"dashboards, per month ({FREE_DASHBOARDS} are free per account)",
        "cloudwatch.dashboard"),
    Use("AWS::SNS::Topic", "alarm messages", "sns.message"),
    Use("AWS::DynamoDB::Table", "tables, per GB-month (requests come on top)", "dynamodb.stored_gb"),
    Use("AWS::DynamoDB::Table", "tables' point-in-time recovery, per GB-month", "dynamodb.recovery_gb", _recovers),
    Use("AWS::EC2::VPCEndpoint", "traffic through interface endpoints, per GB", "vpc.endpoint_gb", _is_interface),
    Use("AWS::EC2::NatGateway", "traffic through NAT gateways, per GB", "vpc.nat_gateway_gb"),
    Use("AWS::AutoScaling::AutoScalingGroup", "ECS instances while tasks run, per hour", "ec2.instance"),
    Use("AWS::Batch::ComputeEnvironment", "Batch instances while jobs run, per hour", "ec2.instance", _on_instances),
)  # fmt: skip
KINDS = {use.kind for use in USES}


def by_use(region: str, found: list[dict[str, Any]]) -> Iterator[Line]:
    """`found`: resources as templates have them."""
    for use in USES:
        count = sum(r["Type"] == use.kind and use.bills(r.get("Properties", {})) for r in found)
        if count:
            yield Line("by use", use.what, count, price(region, use.item), use.item)
    for resource in found:
        if resource["Type"] == "AWS::MWAA::Environment":
            yield from _more_workers(region, resource["Properties"])


def _more_workers(region: str, properties: Resource) -> Iterator[Line]:
    """Those that MWAA adds while there is work, and takes away again."""
    more = properties.get("MaxWorkers", 10) - properties.get("MinWorkers", 1)
    if more > 0:
        item = f"mwaa.{properties['EnvironmentClass']}.worker"
        yield Line("by use", f"up to {more} more Airflow workers, per hour each", more, price(region, item), item)

"""What an environment costs while nothing runs, read from its synthesized templates. Pure.

Counted is what bills by the hour or the month for being there. What bills by use (log bytes, objects, metrics,
tasks) is named with its price and left at nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops.cost.lines import Line, total
from platform_spec.environments import Environment
from platform_spec.prices import price

# What the hourly price of an environment holds (MWAA user guide, "Environment class": the smallest that may be asked).
INCLUDED_WORKERS = 1
INCLUDED = {"mw1.micro": 1}  # schedulers, web servers
INCLUDED_ELSEWHERE = 2
FREE_ALARMS, FREE_DASHBOARDS = 10, 3  # CloudWatch's free tier, per account: not taken off, because others use it too
# Present, and free or billed by use only.
BY_USE = {
    "AWS::S3::Bucket": ("object storage, per GB-month", "s3.stored_gb"),
    "AWS::Logs::LogGroup": ("log bytes, per GB taken in", "logs.ingested_gb"),
    "AWS::EC2::FlowLog": ("flow logs, per GB taken in", "logs.vended_gb"),
    "AWS::ECR::Repository": ("images, per GB-month", "ecr.stored_gb"),
    "AWS::ECS::Cluster": ("Container Insights metrics, per metric", "cloudwatch.container_insights"),
    "AWS::CloudWatch::Dashboard": (f"dashboards ({FREE_DASHBOARDS} are free per account)", "cloudwatch.dashboard"),
    "AWS::SNS::Topic": ("alarm messages", "sns.message"),
    "AWS::DynamoDB::Table": ("table storage and requests", "dynamodb.stored_gb"),
}
_FREE_PREFIXES = tuple(
    f"AWS::{name}"
    for name in (
        "IAM::",
        "CDK::",
        "EC2::Route",
        "EC2::Subnet",
        "EC2::SecurityGroup",
        "EC2::VPCGateway",
        "EC2::InternetGateway",
        "EC2::NetworkAcl",
        "EC2::LaunchTemplate",
        "ECS::TaskDefinition",
        "ECS::ClusterCapacity",
        "Events::Rule",
        "KMS::Alias",
        "Logs::ResourcePolicy",
        "Logs::MetricFilter",
        "S3::BucketPolicy",
        "SNS::TopicPolicy",
        "SNS::Subscription",
        "SSM::Parameter",
        "Batch::",
    )
)
_FREE = {"AWS::EC2::VPC"}
_COUNTED = {"AWS::MWAA::Environment", "AWS::EC2::VPCEndpoint", "AWS::EC2::NatGateway", "AWS::EC2::EIP", "AWS::KMS::Key",
            "AWS::CloudWatch::Alarm"}  # fmt: skip


@dataclass(frozen=True)
class Idle:
    """`lines` by cost, dearest first; `by_use` bills only when something happens; `not_counted` nobody here knows."""

    lines: list[Line]
    by_use: list[Line]
    not_counted: list[str]

    @property
    def usd_month(self) -> float:
        return total(self.lines)

    @property
    def unknown(self) -> list[str]:
        return [line.what for line in self.lines if line.price is None]


def idle(environment: Environment, templates: dict[str, Any]) -> Idle:
    """`templates` as `cdk synth` writes them, by stack."""
    found = [r for template in templates.values() for r in template.get("Resources", {}).values()]
    lines = [
        *_airflow(environment.region, _of(found, "AWS::MWAA::Environment")),
        *_network(environment.region, found),
        *_rest(environment.region, found),
    ]
    lines.sort(key=lambda line: -(line.usd_month or 0.0))
    by_use = [
        Line("by use", what, len(_of(found, kind)), price(environment.region, item), item)
        for kind, (what, item) in BY_USE.items()
        if _of(found, kind)
    ]
    known = {*_COUNTED, *BY_USE, *_FREE}
    odd = {r["Type"] for r in found if r["Type"] not in known and not r["Type"].startswith(_FREE_PREFIXES)}
    return Idle(lines, by_use, sorted(odd))


def _airflow(region: str, environments: list[dict[str, Any]]) -> Iterator[Line]:
    for properties in environments:
        name = properties["EnvironmentClass"]
        included = INCLUDED.get(name, INCLUDED_ELSEWHERE)
        extra = {
            "worker": properties.get("MinWorkers", 1) - INCLUDED_WORKERS,
            "scheduler": properties.get("Schedulers", included) - included,
            "web_server": properties.get("MinWebservers", included) - included,
        }
        yield _line("MWAA", f"environment {name}", 1, region, f"mwaa.{name}.environment")
        for part, count in extra.items():
            if count > 0:
                yield _line("MWAA", f"additional {part.replace('_', ' ')}", count, region, f"mwaa.{name}.{part}")


def _network(region: str, found: list[dict[str, Any]]) -> Iterator[Line]:
    interfaces = [p for p in _of(found, "AWS::EC2::VPCEndpoint") if p.get("VpcEndpointType") == "Interface"]
    if interfaces:
        zones = sum(len(p.get("SubnetIds", [])) for p in interfaces)
        yield _line(
            "network", f"{len(interfaces)} interface endpoints, one in each zone", zones, region, "vpc.endpoint"
        )
    for kind, what, item in (
        ("AWS::EC2::NatGateway", "NAT gateways", "vpc.nat_gateway"),
        ("AWS::EC2::EIP", "public IPv4 addresses", "vpc.public_ipv4"),
    ):
        if count := len(_of(found, kind)):
            yield _line("network", what, count, region, item)


def _rest(region: str, found: list[dict[str, Any]]) -> Iterator[Line]:
    if keys := _of(found, "AWS::KMS::Key"):
        yield _line("keys", "customer keys (each of the first two rotations adds one)", len(keys), region, "kms.key")
    if alarms := _of(found, "AWS::CloudWatch::Alarm"):
        metrics = sum(max(1, sum("MetricStat" in m for m in a.get("Metrics", []))) for a in alarms)
        yield _line("monitoring", "alarm metrics", metrics, region, "cloudwatch.alarm")


def _line(group: str, what: str, count: float, region: str, item: str) -> Line:
    return Line(group, what, count, price(region, item), item)


def _of(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [r.get("Properties", {}) for r in found if r["Type"] == kind]

"""What an environment costs while nothing runs, read from its synthesized templates. Pure.

Counted is what bills by the hour or the month for being there. What bills by use (by_use.py) is named with its
price and left at nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops.cost.by_use import KINDS, by_use
from ops.cost.lines import Line, total
from platform_spec.environments import Environment
from platform_spec.prices import price

# What the hourly price of an environment holds (MWAA user guide, "Environment class": the smallest that may be asked).
INCLUDED_WORKERS = 1
INCLUDED = {"mw1.micro": 1}  # schedulers, web servers
INCLUDED_ELSEWHERE = 2
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
        "AutoScaling::LifecycleHook",
        "EC2::LaunchTemplate",
        "ECS::TaskDefinition",
        "ECS::CapacityProvider",
        "ECS::ClusterCapacity",
        "EKS::AccessEntry",
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
_COUNTED = {"AWS::EC2::EIP", "AWS::KMS::Key", "AWS::CloudWatch::Alarm", "AWS::SecretsManager::Secret"}


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
        *_capacity(environment.region, found),
        *_rest(environment.region, found),
    ]
    lines.sort(key=lambda line: -(line.usd_month or 0.0))
    known = {*_COUNTED, *KINDS, *_FREE}
    odd = {r["Type"] for r in found if r["Type"] not in known and not r["Type"].startswith(_FREE_PREFIXES)}
    return Idle(lines, list(by_use(environment.region, found)), sorted(odd))


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


def _capacity(region: str, found: list[dict[str, Any]]) -> Iterator[Line]:
    """Instances that are there although nothing runs; ours start at none."""
    always = sum(int(group.get("MinSize", 0)) for group in _of(found, "AWS::AutoScaling::AutoScalingGroup"))
    if always:
        yield _line("instances", "ECS instances that always run", always, region, "ec2.instance")
    batch = [one.get("ComputeResources", {}) for one in _of(found, "AWS::Batch::ComputeEnvironment")]
    if vcpus := sum(one.get("MinvCpus", 0) for one in batch):
        yield _line("instances", "vCPUs of Batch instances that always run", vcpus, region, "ec2.vcpu")


def _rest(region: str, found: list[dict[str, Any]]) -> Iterator[Line]:
    if secrets := _secrets(found):
        yield _line("secrets", "secrets", secrets, region, "secrets.secret")
    if keys := _of(found, "AWS::KMS::Key"):
        yield _line("keys", "customer keys (each of the first two rotations adds one)", len(keys), region, "kms.key")
    if alarms := _of(found, "AWS::CloudWatch::Alarm"):
        metrics = sum(max(1, sum("MetricStat" in m for m in a.get("Metrics", []))) for a in alarms)
        yield _line("monitoring", "alarm metrics", metrics, region, "cloudwatch.alarm")


def _secrets(found: list[dict[str, Any]]) -> int:
    """Those of the templates, and those that tasks name: people make them, and they are billed all the same."""
    containers = [c for d in _of(found, "AWS::ECS::TaskDefinition") for c in d.get("ContainerDefinitions", [])]
    containers += [d.get("ContainerProperties", {}) for d in _of(found, "AWS::Batch::JobDefinition")]
    named = {json.dumps(secret["ValueFrom"], sort_keys=True) for c in containers for secret in c.get("Secrets", [])}
    return len(named) + len(_of(found, "AWS::SecretsManager::Secret"))


def _line(group: str, what: str, count: float, region: str, item: str) -> Line:
    return Line(group, what, count, price(region, item), item)


def _of(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [r.get("Properties", {}) for r in found if r["Type"] == kind]

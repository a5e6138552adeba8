"""Task definitions: sizes that Fargate has, and the quota that all of them share."""

from collections.abc import Iterator

from ops.finding import Finding
from ops.preflight.subject import Subject
from platform_spec.fargate import MEMORY_MIB, check_size
from platform_spec.tasks import Task, on_aws

# Service Quotas: "Fargate On-Demand vCPU resource count", "Fargate Spot vCPU resource count".
VCPU_QUOTAS = {"on demand": "L-3032A538", "Spot": "L-36FBB829"}


def check_task_definitions(subject: Subject) -> Iterator[Finding]:
    for definition in subject.all("AWS::ECS::TaskDefinition"):
        if "FARGATE" not in definition.properties.get("RequiresCompatibilities", ["FARGATE"]):
            continue  # what an instance holds is checked in task.toml
        cpu, memory = int(definition.properties.get("Cpu", 0)), int(definition.properties.get("Memory", 0))
        disk = int(definition.properties.get("EphemeralStorage", {}).get("SizeInGiB", 20))
        for found in check_size(cpu, memory, disk):
            why = "RegisterTaskDefinition refuses it (ECS developer guide, Task CPU and memory)"
            what = f"{found.key} {found.value}: {found.what} (allowed: {found.allowed})"
            yield Finding("Fargate size", str(definition), what, why, found.fix)
        if "EphemeralStorage" in definition.properties and disk == 20:
            why = "20 GiB are there without asking; asking for them is refused (ECS API reference, EphemeralStorage)"
            yield Finding("Fargate size", str(definition), "asks for 20 GiB of storage", why, "leave it out")


def planned_vcpus(subject: Subject, tasks: dict[str, Task]) -> float:
    """vCPUs in use when every team's pool is full of its largest default size."""
    planned = 0.0
    for team, slots in subject.environment.pools.items():
        sizes = [
            task.sizes[task.default_size].cpu_units
            for task in on_aws(tasks).values()
            if task.owner == team and task.lane != "ec2"
        ]
        planned += slots * max(sizes, default=0) / 1024
    return planned


def check_vcpu_quota(planned: float, quotas: dict[str, float], environment: str) -> Iterator[Finding]:
    """`quotas` are those of the account, by kind of capacity; a task waits and is retried above them."""
    largest = max(MEMORY_MIB) / 1024
    for kind, quota in quotas.items():
        if planned > quota:
            what = f"full pools would use {planned:g} vCPUs, the quota ({kind}, {VCPU_QUOTAS[kind]}) is {quota:g}"
            why = "RunTask answers that capacity is unavailable (ECS service quotas); tasks wait in retries"
            fix = "ask for a higher quota in Service Quotas, or give the pools fewer slots"
            yield Finding("quota", f"environments/{environment}.toml: pools", what, why, fix)
        elif quota < largest:
            what = f"the quota ({kind}, {VCPU_QUOTAS[kind]}) is {quota:g} vCPUs, less than one task of the largest size"
            why = "such a task could never start"
            yield Finding("quota", f"environments/{environment}.toml", what, why, "ask for a higher quota")

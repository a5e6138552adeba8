"""What AWS Batch needs to know of a task: the kind of compute environment it runs in, and Batch's own limits.

Source: AWS Batch User Guide, "Compute environments" (Fargate and EC2 never in one queue, one processor architecture
per environment), "Job definition parameters" (whole vCPUs on EC2; no stop timeout: ECS's default of 30 s holds).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from platform_spec.loading import Finding

if TYPE_CHECKING:
    from platform_spec.tasks import Task

STOP_SECONDS = 30
# The only container of a job: part of its log stream's name.
CONTAINER = "default"
# Batch makes an ECS cluster per compute environment, and names it like this.
CLUSTERS = ("AWSBatch-*", "*_Batch_*")
# Attempts of a job whose host is taken away (Spot). Failures of the program are the DAG kit's to judge.
ATTEMPTS = 3


@dataclass(frozen=True)
class Capacity:
    """Compute environments for the tasks of one kind: on demand, and Spot where a task allows it."""

    kind: str  # fargate, ec2-arm64, gpu-x86-64, …: part of queue names
    instance_types: tuple[str, ...]  # empty: Fargate
    storage_gib: int  # the largest scratch space that a size asks for
    spot: bool

    @property
    def gpu(self) -> bool:
        return self.kind.startswith("gpu-")


def kind_of(task: Task) -> str:
    """Which compute environments a task of the lane batch runs in."""
    sizes = task.sizes.values()
    if not any(size.instance_type for size in sizes):
        return "fargate"
    return f"{'gpu' if any(size.gpus for size in sizes) else 'ec2'}-{task.architecture.replace('_', '-')}"


def capacities(tasks: Iterable[Task], *, spot: bool) -> list[Capacity]:
    """The compute that the tasks of the lane batch need, and no other. `spot`: the environment uses Spot at all."""
    by_kind: dict[str, list[Task]] = {}
    for task in tasks:
        if task.lane == "batch":
            by_kind.setdefault(kind_of(task), []).append(task)
    return [
        Capacity(
            kind,
            tuple(sorted({size.instance_type for task in group for size in task.sizes.values() if size.instance_type})),
            max(size.storage_gib for task in group for size in task.sizes.values()),
            spot and any(task.spot for task in group),
        )
        for kind, group in sorted(by_kind.items())
    ]


def task_findings(task: Task) -> list[Finding]:
    """What Batch would refuse of a task that Fargate or EC2 would accept."""
    findings = []
    if task.stop_timeout_seconds > STOP_SECONDS:
        what, fix = "a Batch job gets 30 seconds to stop", f"use {STOP_SECONDS}, and keep partial results in S3"
        findings.append(Finding("stop_timeout_seconds", task.stop_timeout_seconds, what, f"1 to {STOP_SECONDS}", fix))
    on_instances = [name for name, size in task.sizes.items() if size.instance_type]
    for name, size in task.sizes.items():
        if on_instances and not size.instance_type:
            what = f"a job runs on Fargate or on EC2, and size {on_instances[0]} names an instance type"
            fix = "name an instance type in every size, or in none"
            findings.append(Finding(f"sizes.{name}.instance_type", None, what, "an EC2 instance type", fix))
        if size.instance_type and size.cpu_units % 1024:
            units = -(-size.cpu_units // 1024) * 1024
            what, allowed = "Batch counts whole vCPUs on EC2", "a multiple of 1024"
            findings.append(Finding(f"sizes.{name}.cpu_units", size.cpu_units, what, allowed, f"use {units}"))
    return findings

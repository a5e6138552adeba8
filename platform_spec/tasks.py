"""Tasks: what `task_images/<task>/task.toml` declares, once, for stacks, DAGs, images and the local runner."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from platform_spec import batch, ec2, fargate, guests
from platform_spec.errors import Problem, SpecError, closest
from platform_spec.lanes import GUESTS, ON_ECS, ON_INSTANCES, ON_WORKERS, Lane
from platform_spec.loading import Finding, Spec, load, refuse
from platform_spec.worker_tasks import worker_findings

# Words of small letters and digits joined by "_": usable as folder, Python package, ECR repository, family and role,
# and no two names become the same CloudFormation id.
TASK_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*")
_PREFIX = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.=-]*/)+")
_SECRET = re.compile(r"[A-Z][A-Z0-9_]*")

Names = Annotated[tuple[str, ...], Field(strict=False)]
Architecture = Literal["arm64", "x86_64"]


class Size(Spec):
    """One size a task may run at: Fargate's or, with an instance type, one that fits on such an EC2 instance."""

    cpu_units: int = Field(description="a Fargate CPU size, 1024 = one vCPU", examples=["1024"])
    memory_mib: int = Field(description="a Fargate memory size in MiB", examples=["2048"])
    instance_type: str = Field(default="", description="lane ec2: an EC2 instance type", examples=['"g4dn.xlarge"'])
    gpus: int = Field(default=0, ge=0, description="lane ec2: GPUs of the instance for this task", examples=["1"])
    storage_gib: int = Field(default=fargate.FREE_STORAGE_GIB, description="20 (free) to 200", examples=["20"])
    grows_to: Names = Field(default=(), description="names of larger sizes, tried in order after out of memory")
    max_item_mib: int | None = Field(default=None, ge=1, description="largest item of a fan-out it takes, in MiB")

    @model_validator(mode="after")
    def _is_sold(self) -> Size:
        if self.instance_type:
            refuse(ec2.check_size(self.cpu_units, self.memory_mib, self.storage_gib, self.gpus, self.instance_type))
        elif not self.gpus:  # GPUs without an instance type: the task says so (_sizes_fit_the_lane)
            refuse(fargate.check_size(self.cpu_units, self.memory_mib, self.storage_gib))
        return self


class Access(Spec):
    """What may be done to the data bucket (prefixes) and which secrets are injected (environment variable names).

    Whoever may read a prefix may list it too: S3 does not say otherwise whether an object is there.
    """

    list: Names = Field(default=(), description="prefixes to see the names in, not the content", examples=['["raw/"]'])
    read: Names = Field(default=(), description='prefixes of the data bucket ending in "/"', examples=['["raw/"]'])
    write: Names = Field(default=(), description='prefixes of the data bucket ending in "/"', examples=['["results/"]'])
    secrets: Names = Field(default=(), description="names of environment variables", examples=['["API_KEY"]'])
    tables: Names = Field(
        default=(), description="DynamoDB tables, made for this environment", examples=['["related_articles"]']
    )
    registers: Names = Field(
        default=(),
        description="tasks of which it may register revisions with a newer image",
        examples=['["articles_app"]'],
    )

    @field_validator("list", "read", "write")
    @classmethod
    def _are_prefixes(cls, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        what, allowed = "not a prefix of the data bucket", 'a path such as "raw/": no "..", no "*", no leading "/"'
        fix = 'name a folder and end it with "/"'
        refuse([Finding("", p, what, allowed, fix) for p in prefixes if not _PREFIX.fullmatch(p)])
        return prefixes

    @field_validator("tables", "registers")
    @classmethod
    def _are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        what, allowed = "not a name", "words of small letters and digits joined by _"
        refuse([Finding("", n, what, allowed, "rename it") for n in names if not TASK_NAME.fullmatch(n)])
        return names

    @field_validator("secrets")
    @classmethod
    def _are_variables(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        what, allowed = "not the name of an environment variable", "capital letters, digits and _"
        refuse([Finding("", n, what, allowed, f"use {n.upper()}") for n in names if not _SECRET.fullmatch(n)])
        return names


class AccessFile(Spec):
    """The form of dags/access.toml: what the DAGs' own light tasks may do, under the MWAA execution role."""

    access: Access


class Task(Spec):
    """One task image: how large, how long, for whom and with which rights it runs."""

    name: str
    folder: Path
    purpose: str = Field(min_length=1, description="one sentence", examples=['"counts reads per sample"'])
    owner: str = Field(pattern=r"^[a-z][a-z0-9_-]*$", description="the team's name", examples=['"bioinformatics"'])
    lane: Lane = "fargate"
    architecture: Architecture = "arm64"
    result_version: int = Field(default=1, ge=1, description="a whole number from 1")
    timeout_minutes: int = Field(ge=1, le=20160, description="1 to 20160 (14 days)", examples=["120"])
    stop_timeout_seconds: int = Field(
        default=30, ge=1, le=fargate.MAX_STOP_TIMEOUT_SECONDS, description="1 to 120 (Fargate's limit)", examples=["30"]
    )
    spot: bool = Field(default=False, description="true or false")
    sizes: dict[str, Size] = Field(
        default_factory=dict, description="one table per size, [sizes.<name>]; the first is the default"
    )
    access: Access = Field(
        default_factory=lambda: Access(), description="a table [access] with list, read, write and secrets"
    )

    @property
    def default_size(self) -> str:
        return next(iter(self.sizes))

    @property
    def has_image(self) -> bool:
        """Whether it runs in a container of its own, with an image, a repository and a size."""
        return self.lane not in ON_WORKERS

    @model_validator(mode="after")
    def _fits_its_lane(self) -> Task:
        refuse(list(worker_findings(self)) if self.lane in ON_WORKERS else _size_findings(self))
        return self

    @model_validator(mode="after")
    def _grows_to_larger_sizes(self) -> Task:
        refuse([finding for name in self.sizes for finding in self._growth_findings(name)])
        return self

    @model_validator(mode="after")
    def _sizes_fit_the_lane(self) -> Task:
        findings = []
        if self.lane == "ec2" and self.spot:
            findings.append(Finding("spot", True, "lane ec2 has no Spot capacity", "false", "remove it"))
        for name, size in self.sizes.items():
            key = f"sizes.{name}.instance_type"
            if self.lane not in ON_INSTANCES and (size.instance_type or size.gpus):
                value, what = size.instance_type or size.gpus, f"lane {self.lane} has neither instance types nor GPUs"
                allowed = " or ".join(f'lane = "{lane}"' for lane in ON_INSTANCES)
                findings.append(Finding(key, value, what, allowed, f'set lane = "{ON_INSTANCES[0]}" or remove it'))
            elif self.lane == "ec2" and not size.instance_type:
                what, fix = "a size of lane ec2 needs an instance type", 'add instance_type = "r7i.4xlarge"'
                findings.append(Finding(key, None, what, "an EC2 instance type", fix))
            elif size.instance_type and ec2.architecture(size.instance_type) != self.architecture:
                what, made = "the instance has another processor", ec2.architecture(size.instance_type)
                fix = f'set architecture = "{made}" or name another type'
                findings.append(Finding(key, size.instance_type, what, f"{self.architecture} instances", fix))
        with_gpus = {name for name, size in self.sizes.items() if size.gpus}
        if with_gpus and len(with_gpus) < len(self.sizes):
            # A GPU of the task definition cannot be taken away by RunTask.
            what, allowed = "some sizes have GPUs and some have none", "all or none of a task's sizes"
            findings.append(Finding("sizes", sorted(with_gpus), what, allowed, "make two tasks of it"))
        findings += batch.task_findings(self) if self.lane == "batch" else []
        refuse([*findings, *(guests.task_findings(self) if self.lane in GUESTS else [])])
        return self

    def _growth_findings(self, name: str) -> list[Finding]:
        key, findings = f"sizes.{name}.grows_to", []
        larger = [n for n, size in self.sizes.items() if size.memory_mib > self.sizes[name].memory_mib]
        allowed = ", ".join(larger) or "none: no size of this task has more memory"
        for target in self.sizes[name].grows_to:
            if target not in self.sizes:
                meant = closest(target, list(self.sizes))
                fix = f"did you mean {meant}?" if meant else "add that size or remove the name"
                findings.append(Finding(key, target, "no such size", allowed, fix))
            elif target not in larger:
                fix = "name a size with more memory or remove the name"
                findings.append(Finding(key, target, "has no more memory than the size it follows", allowed, fix))
        return findings


def _size_findings(task: Task) -> list[Finding]:
    if task.sizes:
        return []
    what, fix = "is missing", "for example [sizes.small] with cpu_units = 256 and memory_mib = 512"
    return [Finding("sizes", None, what, "a table [sizes.<name>] per size", fix)]


def with_image(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Those of `tasks` that run in a container."""
    return {name: task for name, task in tasks.items() if task.has_image}


def on_aws(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Those of `tasks` whose containers AWS starts: with a definition, a log group and a share of AWS's quotas."""
    return {name: task for name, task in with_image(tasks).items() if task.lane not in GUESTS}


def load_tasks(root: Path) -> dict[str, Task]:
    """All tasks below `root`/task_images by name, in alphabetical order. Problems of all files are raised together."""
    tasks, problems = {}, []
    for path in sorted((root / "task_images").glob("*/task.toml")):
        name = path.parent.name
        if not TASK_NAME.fullmatch(name):
            allowed = "words of small letters and digits joined by _, each beginning with a letter"
            file = str(path.parent.relative_to(root))
            problems.append(Problem(file, "", None, "not a task name", allowed, "rename the folder"))
            continue
        try:
            tasks[name] = load(Task, path, root, name=name, folder=path.parent)
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    check_registered(tasks, root)
    return tasks


def check_registered(tasks: dict[str, Task], root: Path) -> None:
    """A task may register revisions of ECS tasks that there are, and never its own."""
    problems = []
    for task in tasks.values():
        others = sorted(name for name, other in tasks.items() if other.lane in ON_ECS and name != task.name)
        for name in sorted(set(task.access.registers) - set(others)):
            file = str((task.folder / "task.toml").relative_to(root))
            fix = "name a task of this repository that runs on ECS"
            problems.append(Problem(file, "access.registers", name, "no such task", ", ".join(others) or "none", fix))
    if problems:
        raise SpecError(problems)


def load_dag_access(root: Path) -> Access:
    """What dags/access.toml grants to the MWAA execution role."""
    return load(AccessFile, root / "dags" / "access.toml", root).access

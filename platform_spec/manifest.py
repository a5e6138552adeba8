"""The manifest: everything a deployment tells its DAGs, in one file beside them (`manifest.json`).

It is written from deployed values (the stacks publish them as SSM parameters, the CLI fetches and uploads), so that a
DAG parses with no network call, no Variable and no string-built ARN.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from platform_spec.fan_out import SizeRule
from platform_spec.lanes import GUESTS, ON_ECS, ON_WORKERS, Lane

FILE_NAME = "manifest.json"
SCHEMA_VERSION = 1

_CONTAINER = ("container", "image", "log_group", "log_stream_prefix", "sizes")
# What a task of a lane cannot be started without.
LANE_FIELDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(ON_ECS, ("family", "task_definition_arn", *_CONTAINER)),
    "batch": ("job_definition_arn", "job_queue_arn", *_CONTAINER),
    # Without a role the environment does not offer the lane: that is said where a DAG names the task.
    **dict.fromkeys(GUESTS, ("container", "image", "sizes")),
    **dict.fromkeys(ON_WORKERS, ("bundle_uri", "task_role_arn")),
}

Name = Annotated[str, Field(min_length=1)]


class ManifestError(ValueError):
    """The manifest is missing or not usable; the message says where and what to do."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskSize(_Model):
    """A size that the lane offers. Fargate: `storage_gib` 20 is the free default and never passed on."""

    cpu_units: int
    memory_mib: int
    storage_gib: int = 20
    grows_to: tuple[str, ...] = ()
    max_item_mib: int | None = None
    gpus: int = 0
    instance_type: str = ""
    capacity_provider: str = ""  # ec2: which instances it runs on


class TaskEntry(_Model):
    """One lane: where its container is defined, and what may be asked of it. The first size is the default."""

    lane: Lane = "fargate"
    family: str = ""  # lanes on ECS: the task definition's
    task_definition_arn: str = ""
    job_definition_arn: str = ""  # batch, with its revision
    job_queue_arn: str = ""  # on-demand capacity
    spot_job_queue_arn: str = ""  # Spot first, then on-demand; empty where task.toml does not allow Spot
    bundle_uri: str = ""  # virtualenv: source and wheels, see virtualenvs.py
    task_role_arn: str = ""  # virtualenv, docker: what the worker takes on for the program; kubernetes: the pod's own
    service_account: str = ""  # kubernetes
    variables: dict[str, str] = {}  # docker, kubernetes: what the definition of a lane in AWS would set
    container: str = ""
    image: str = ""
    log_group: str = ""
    log_stream_prefix: str = ""
    owner: Name
    architecture: Name
    timeout_minutes: int
    stop_timeout_seconds: int
    spot: bool
    result_version: int
    sizes: dict[str, TaskSize] = {}

    @model_validator(mode="after")
    def _has_what_its_lane_needs(self) -> Self:
        missing = [name for name in LANE_FIELDS.get(self.lane, ()) if not getattr(self, name)]
        if missing:
            raise ValueError(f"lane {self.lane} needs {', '.join(missing)}")
        return self

    @property
    def definition_arn(self) -> str:
        """The revision that runs: of a task definition, or of a job definition."""
        return self.job_definition_arn or self.task_definition_arn

    @property
    def repository(self) -> tuple[str, str]:
        """Registry and name of the repository that `image` is in."""
        registry, _, rest = self.image.partition("/")
        return registry, rest.split("@")[0].split(":")[0]

    @property
    def default_size(self) -> str:
        return next(iter(self.sizes))

    @property
    def size_rules(self) -> tuple[SizeRule, ...]:
        """The default size and those it grows to, each with the largest item it takes; for planning a fan-out."""
        names = (self.default_size, *self.sizes[self.default_size].grows_to)
        limits = {name: self.sizes[name].max_item_mib for name in names}
        return tuple(SizeRule(name=n, max_item_bytes=None if m is None else m * 1024**2) for n, m in limits.items())


class KubernetesCluster(_Model):
    """Where tasks of the lane kubernetes run: an EKS cluster of this account and Region."""

    cluster: Name
    namespace: Name


class Notifications(_Model):
    """Where a task's final failure is told: `target` is the ARN of an SNS topic, or the name of Slack's secret."""

    channel: Literal["none", "sns", "slack"] = "none"
    target: str = ""


class Manifest(_Model):
    """What the DAGs know of the deployment they run in."""

    schema_version: int = SCHEMA_VERSION
    environment: Name
    release: Name
    account: Name
    region: Name
    cluster: Name
    cluster_arn: Name
    subnets: tuple[Name, ...]
    security_groups: tuple[Name, ...]
    dag_bucket: Name
    data_bucket: Name
    metrics_log_group: str = ""  # takes the run metrics of the lanes (embedded metric format); empty: none
    spot_share: float = 0.0
    kubernetes: KubernetesCluster | None = None
    notifications: Notifications = Notifications()
    pools: dict[str, int] = {}
    schedules: dict[str, bool] = {}
    tasks: dict[str, TaskEntry]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check the file; ManifestError names it, each bad key, and the command that writes it anew."""
        fix = "write it anew with `tasklane dags upload --env <environment>`"
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ManifestError(f"{path}: the manifest cannot be read ({error.strerror}); {fix}") from error
        try:
            manifest = cls.model_validate_json(text)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
            raise ManifestError(f"{path}: {problems}; {fix}") from error
        if manifest.schema_version != SCHEMA_VERSION:
            raise ManifestError(
                f"{path}: schema_version {manifest.schema_version}, but these DAGs read {SCHEMA_VERSION}; {fix}"
            )
        return manifest

    def task(self, name: str) -> TaskEntry:
        """The lane `name`; ManifestError lists the known ones."""
        if name not in self.tasks:
            known = ", ".join(sorted(self.tasks)) or "none"
            raise ManifestError(
                f"task {name!r} is not in the manifest of {self.environment} (known: {known}); "
                f"add task_images/{name}/task.toml and deploy the compute stack"
            )
        return self.tasks[name]

    @property
    def job_queues(self) -> tuple[str, ...]:
        """The queues of AWS Batch that its tasks use."""
        used = {queue for task in self.tasks.values() for queue in (task.job_queue_arn, task.spot_job_queue_arn)}
        return tuple(sorted(used - {""}))

    def offers(self, lane: Lane) -> bool:
        """Whether a task of this lane can run here."""
        return any(task.lane == lane and task.task_role_arn for task in self.tasks.values())

    def schedule[S](self, dag_id: str, schedule: S) -> S | None:
        """`schedule` where this environment switches the DAG on, None (run by hand) elsewhere."""
        return schedule if self.schedules.get(dag_id) else None

    def to_json(self) -> str:
        """Stable bytes for the same content, so that an unchanged manifest is not uploaded again."""
        return self.model_dump_json(indent=2) + "\n"

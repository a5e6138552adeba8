"""Environments: `environments/<name>.toml` holds all that differs between deployments; the defaults are here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from platform_spec.airflow_settings import AirflowSettings
from platform_spec.airflow_state import Connection, Key, Source
from platform_spec.batch_settings import BatchSettings
from platform_spec.delivery_settings import DeliverySettings
from platform_spec.docker_settings import DockerSettings
from platform_spec.errors import Problem, SpecError, closest
from platform_spec.kubernetes_settings import KubernetesSettings
from platform_spec.loading import Finding, Spec, load, refuse
from platform_spec.network_settings import NetworkSettings
from platform_spec.notification_settings import ADDRESS, NotificationSettings
from platform_spec.task_changes import TaskChanges
from platform_spec.teams import DEFAULT_POOL

# Part of every name in AWS, and the shortest limit (63 characters, a bucket) must still hold: see naming.py.
ENVIRONMENT_NAME = re.compile(r"[a-z][a-z0-9]{0,9}")
# CloudWatch Logs accepts no other number of days (PutRetentionPolicy).
RetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
DEFAULT_POOL_SLOTS = 128  # unless told otherwise


class Environment(Spec):
    """One deployment: where it is, how large, what is kept."""

    name: str
    account: str = Field(
        pattern=r"^\d{12}$", description="an AWS account, 12 digits in quotes", examples=['"111122223333"']
    )
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="an AWS Region", examples=['"ap-northeast-1"'])
    zones: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        min_length=2,
        max_length=3,
        description="2 or 3 availability zones of the Region",
        examples=['["us-east-1a", "us-east-1b"]'],
    )
    keeps_data: bool = Field(default=True, description="true or false")
    data_locked_days: int = Field(
        default=0,
        ge=0,
        le=3650,
        description="0 (no lock) to 3650 days in which no version of an object of the data bucket can be deleted",
        examples=["90"],
    )
    spot_share: float = Field(default=0.0, ge=0, le=1, description="0 (no Fargate Spot) to 1 (all tasks that allow it)")
    container_insights: Literal["disabled", "enabled", "enhanced"] = "enabled"
    log_retention_days: RetentionDays = 30
    alarm_address: str = Field(
        default="",
        pattern=rf"^({ADDRESS})?$",
        description="an e-mail address, or empty",
        examples=['"data@example.com"'],
    )
    daily_cost_alarm_usd: float = Field(
        default=100.0, gt=0, description="USD per day of containers from which on to alarm", examples=["100.0"]
    )
    airflow: AirflowSettings = Field(default_factory=lambda: AirflowSettings(), description="a table [airflow]")
    network: NetworkSettings = Field(description="a table [network]", examples=['{ cidr = "10.20.0.0/16" }'])
    batch: BatchSettings = Field(default_factory=lambda: BatchSettings(), description="a table [batch]")
    docker: DockerSettings | None = Field(
        default=None,
        description="a table [docker], where Airflow's workers have a container engine (MWAA's have none)",
        examples=['{ worker_role = "arn:aws:iam::111122223333:role/airflow-worker" }'],
    )
    kubernetes: KubernetesSettings | None = Field(
        default=None,
        description="a table [kubernetes]: an EKS cluster that is there, its namespace for tasks, its OIDC issuer",
        examples=['{ cluster = "data", namespace = "tasklane-dev", oidc_issuer = "https://oidc.eks.…" }'],
    )
    pools: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict, description="a table of team = slots, slots from 1", examples=["{ bioinformatics = 4 }"]
    )
    variables: dict[Key, Source] = Field(
        default_factory=dict,
        description='a table of variable = "secret" or "parameter": where its value lies',
        examples=['{ lims_token = "secret" }'],
    )
    connections: dict[Key, Connection] = Field(
        default_factory=dict, description="a table [connections.<id>] per Airflow connection"
    )
    delivery: DeliverySettings | None = Field(
        default=None, description="a table [delivery]", examples=['{ repository = "example-org/data-platform" }']
    )
    notifications: NotificationSettings = Field(
        default_factory=lambda: NotificationSettings(), description='a table [notifications], such as failures = "sns"'
    )
    tasks: dict[str, TaskChanges] = Field(
        default_factory=dict,
        description="a table [tasks.<task>] per task that runs elsewhere here than its task.toml says: "
        "lane, architecture, spot, sizes",
        examples=['{ my_task = { lane = "docker" } }'],
    )
    schedules: dict[str, bool] = Field(
        default_factory=dict,
        description="a table of DAG id = true (on) or false (off)",
        examples=["{ my_dag = false }"],
    )

    @property
    def pool_slots(self) -> dict[str, int]:
        """All pools of the environment, Airflow's own default pool included."""
        return {DEFAULT_POOL: DEFAULT_POOL_SLOTS, **self.pools}

    @model_validator(mode="after")
    def _settings_fit_together(self) -> Environment:
        findings = [*self._zone_findings(), *self._pool_findings(), *self._lock_findings(), *self._slack_findings()]
        findings += [*self._role_findings(), *self._cluster_findings()]
        refuse(findings)
        return self

    def _zone_findings(self) -> list[Finding]:
        findings = []
        for zone in self.zones:
            if not re.fullmatch(re.escape(self.region) + "[a-z]", zone):
                what, allowed = f"no zone of {self.region}", f"{self.region} followed by one letter"
                findings.append(Finding("zones", zone, what, allowed, f"for example {self.region}a"))
        if len(set(self.zones)) != len(self.zones):
            findings.append(
                Finding("zones", self.zones, "a zone is named twice", "different zones", "name each zone once")
            )
        if self.network.nat_gateways > len(self.zones):
            what, allowed = "more gateways than zones", f"1 to {len(self.zones)}"
            fix = f"set nat_gateways = {len(self.zones)}"
            findings.append(Finding("network.nat_gateways", self.network.nat_gateways, what, allowed, fix))
        return findings

    def _slack_findings(self) -> list[Finding]:
        if self.notifications.failures != "slack" or self.network.mode == "nat":
            return []
        what, allowed = "Slack is on the internet, which network.mode endpoints cannot reach", '"sns" or "none"'
        fix = 'set failures = "sns" (Amazon Q Developer brings a topic to Slack), or network.mode = "nat"'
        return [Finding("notifications.failures", "slack", what, allowed, fix)]

    def _role_findings(self) -> list[Finding]:
        if self.docker is None or f"::{self.account}:" in self.docker.worker_role:
            return []
        what, allowed = "a role of another account: rights cannot be attached to it", f"a role of {self.account}"
        fix = "name the role of this account that the workers take on"
        return [Finding("docker.worker_role", self.docker.worker_role, what, allowed, fix)]

    def _cluster_findings(self) -> list[Finding]:
        if self.kubernetes is None or self.network.mode == "nat":
            return []
        what = "Airflow asks EKS for the cluster's address, which network.mode endpoints cannot reach"
        fix = 'set network.mode = "nat" with nat_gateways, or remove the table [kubernetes]'
        return [Finding("kubernetes.cluster", self.kubernetes.cluster, what, 'network.mode = "nat"', fix)]

    def _lock_findings(self) -> list[Finding]:
        if self.keeps_data or not self.data_locked_days:
            return []
        what, allowed = "a bucket with locked objects cannot be deleted with its stack", "0, or keeps_data = true"
        return [Finding("data_locked_days", self.data_locked_days, what, allowed, "set keeps_data = true, or 0")]

    def _pool_findings(self) -> list[Finding]:
        """Slots promised to teams must exist: they share the task slots of the workers."""
        slots = sum(count for team, count in self.pools.items() if team != DEFAULT_POOL)
        concurrency = self.airflow.concurrency
        if slots <= concurrency:
            return []
        what = (
            f"the teams' pools sum to {slots} slots, but {self.airflow.environment_class} with "
            f"{self.airflow.max_workers} workers runs {concurrency} tasks at once"
        )
        fix = "give the pools fewer slots, or raise airflow.max_workers or airflow.environment_class"
        return [Finding("pools", self.pools, what, f"a sum of at most {concurrency}", fix)]


def environment_names(root: Path) -> list[str]:
    """Names of all environments below `root`, in alphabetical order."""
    return sorted(path.stem for path in (root / "environments").glob("*.toml"))


def load_environment(name: str, root: Path) -> Environment:
    """Read and check environments/`name`.toml below `root`. Raises SpecError, also for a name that does not exist."""
    known = environment_names(root)
    if name not in known:
        meant = closest(name, known)
        fix = f"did you mean {meant}?" if meant else "use a known name or add the file"
        allowed = ", ".join(known) or f"none: there is no file in {root / 'environments'}"
        raise SpecError([Problem("environments/", "", None, f'there is no environment "{name}"', allowed, fix)])
    if not ENVIRONMENT_NAME.fullmatch(name):
        allowed = "a small letter, then at most 9 small letters and digits"
        raise SpecError(
            [Problem(f"environments/{name}.toml", "", None, "not an environment name", allowed, "rename the file")]
        )
    return load(Environment, root / "environments" / f"{name}.toml", root, name=name)

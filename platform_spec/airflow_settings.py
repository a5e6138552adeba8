"""The [airflow] table of an environment: what may be asked of Amazon MWAA."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from platform_spec.loading import Finding, Spec, refuse

AirflowVersion = Literal["3.0.6", "3.2.1"]
EnvironmentClass = Literal["mw1.micro", "mw1.small", "mw1.medium", "mw1.large", "mw1.xlarge", "mw1.2xlarge"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class ClassLimits(NamedTuple):
    """What one environment class carries (MWAA user guide, "Environment class")."""

    dags: int
    tasks_per_worker: int


CLASSES: dict[str, ClassLimits] = {
    "mw1.micro": ClassLimits(25, 3),
    "mw1.small": ClassLimits(50, 5),
    "mw1.medium": ClassLimits(250, 10),
    "mw1.large": ClassLimits(1000, 20),
    "mw1.xlarge": ClassLimits(2000, 40),
    "mw1.2xlarge": ClassLimits(4000, 80),
}
# dag_processor.stale_dag_threshold where Airflow is 3.0: see stacks/components/airflow_environment.py.
STALE_DAG_SECONDS = 24 * 3600
_OPTION = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


class LogLevels(Spec):
    """Lowest level that is written, for each of the five logs of MWAA."""

    dag_processing: LogLevel = "INFO"
    scheduler: LogLevel = "INFO"
    task: LogLevel = "INFO"
    web_server: LogLevel = "WARNING"
    worker: LogLevel = "INFO"


class AirflowSettings(Spec):
    version: AirflowVersion = "3.0.6"
    environment_class: EnvironmentClass = "mw1.small"
    min_workers: int = Field(default=1, ge=1, le=25, description="1 to 25")
    max_workers: int = Field(default=2, ge=1, le=25, description="1 to 25 (more needs a quota increase)")
    schedulers: int = Field(default=2, ge=1, le=5, description="2 to 5 (mw1.micro: 1)")
    web_servers: int = Field(default=2, ge=1, le=5, description="2 to 5 (mw1.micro: 1)")
    web_server_access: Literal["private", "public"] = "private"
    maintenance_window: str = Field(
        default="SUN:03:30",
        pattern=r"^(MON|TUE|WED|THU|FRI|SAT|SUN):([01]\d|2[0-3]):(00|30)$",
        description="start in UTC as DAY:HH:MM, at a full or half hour",
        examples=['"SUN:03:30"'],
    )
    log_levels: LogLevels = Field(default_factory=LogLevels, description="a table [airflow.log_levels]")
    options: dict[str, str] = Field(
        default_factory=dict,
        description='a table of "section.option" = "text"',
        examples=['{ "core.parallelism" = "32" }'],
    )

    @property
    def concurrency(self) -> int:
        """How many Airflow tasks can run at once when all workers are there; deferred ones do not count."""
        return CLASSES[self.environment_class].tasks_per_worker * self.max_workers

    @field_validator("options")
    @classmethod
    def _are_options(cls, options: dict[str, str]) -> dict[str, str]:
        what, allowed = "not an Airflow configuration option", "section.option in small letters"
        fix = "write it as in airflow.cfg, section first"
        refuse(
            [Finding(key, value, what, allowed, fix) for key, value in options.items() if not _OPTION.fullmatch(key)]
        )
        return options

    @model_validator(mode="after")
    def _fit_the_class(self) -> AirflowSettings:
        micro = self.environment_class == "mw1.micro"
        findings = []
        for key in ("schedulers", "web_servers"):
            value = getattr(self, key)
            if micro and value != 1:
                findings.append(Finding(key, value, "mw1.micro runs exactly one", "1", f"set {key} = 1"))
            if not micro and value < 2:
                what = f"{self.environment_class} needs at least two"
                findings.append(Finding(key, value, what, "2 to 5", f"set {key} = 2, or use mw1.micro"))
        if micro and self.max_workers != 1:
            fix = "set max_workers = 1, or use mw1.small"
            findings.append(Finding("max_workers", self.max_workers, "mw1.micro does not scale", "1", fix))
        if self.min_workers > self.max_workers:
            what, allowed = "more than max_workers", f"1 to {self.max_workers}"
            fix = f"set min_workers = {self.max_workers} or raise max_workers"
            findings.append(Finding("min_workers", self.min_workers, what, allowed, fix))
        refuse(findings)
        return self

"""Every name Tasklane gives to something in AWS, from the environment and the task; the AWS limits are checked here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from platform_spec.environments import Environment
from platform_spec.errors import Problem, SpecError

PROJECT = "tasklane"


class Limit(NamedTuple):
    """Longest name in characters and allowed form, from the API reference of the service."""

    length: int
    form: str


LIMITS: dict[str, Limit] = {
    "stack": Limit(128, r"[A-Za-z][A-Za-z0-9-]*"),
    "cluster": Limit(255, r"[A-Za-z0-9_-]+"),
    "job queue": Limit(128, r"[A-Za-z0-9][A-Za-z0-9_-]*"),
    "job definition": Limit(128, r"[A-Za-z0-9][A-Za-z0-9_-]*"),
    "capacity provider": Limit(255, r"[A-Za-z0-9_-]+"),
    "bucket": Limit(63, r"[a-z0-9][a-z0-9.-]+[a-z0-9]"),
    "repository": Limit(256, r"[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*"),
    "family": Limit(255, r"[A-Za-z0-9_-]+"),
    "container": Limit(255, r"[A-Za-z0-9_-]+"),
    "service account": Limit(63, r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"),
    "role": Limit(64, r"[\w+=,.@-]+"),
    "log group": Limit(512, r"[A-Za-z0-9_/.#-]+"),
    "MWAA environment": Limit(80, r"[A-Za-z][0-9A-Za-z_-]*"),
    "key alias": Limit(256, r"alias/[A-Za-z0-9/_-]+"),
    "parameter": Limit(1011, r"(/[A-Za-z0-9_.-]+)+"),
    "secret": Limit(512, r"[A-Za-z0-9/_+=.@-]+"),
    "table": Limit(255, r"[a-zA-Z0-9_.-]{3,}"),
    "topic": Limit(256, r"[A-Za-z0-9_-]+"),
    "event rule": Limit(64, r"[A-Za-z0-9_.-]+"),
    "alarm": Limit(255, r"[A-Za-z0-9_.-]+"),
    "dashboard": Limit(255, r"[A-Za-z0-9_-]+"),
}
AIRFLOW_LOGS = ("DAGProcessing", "Scheduler", "Task", "WebServer", "Worker")
STACKS = ("network", "storage", "registry", "compute", "batch", "airflow", "monitoring")


@dataclass(frozen=True)
class Names:
    """The names of one environment. Raises SpecError for a name AWS would refuse."""

    env: Environment

    @property
    def prefix(self) -> str:
        return f"{PROJECT}-{self.env.name}"

    def stack(self, part: str) -> str:
        return self._checked("stack", f"{self.prefix}-{part}")

    @property
    def cluster(self) -> str:
        return self._checked("cluster", self.prefix)

    @property
    def mwaa_environment(self) -> str:
        return self._checked("MWAA environment", self.prefix)

    @property
    def key_alias(self) -> str:
        return self._checked("key alias", f"alias/{self.prefix}")

    @property
    def dag_bucket(self) -> str:
        return self._bucket("dags")

    @property
    def data_bucket(self) -> str:
        return self._bucket("data")

    @property
    def access_log_bucket(self) -> str:
        return self._bucket("logs")

    @property
    def airflow_role(self) -> str:
        return self._checked("role", f"{self.prefix}-airflow")

    @property
    def instance_role(self) -> str:
        """The ECS agents' on EC2 instances (lane ec2)."""
        return self._checked("role", f"{self.prefix}-instances")

    def capacity_provider(self, instance_type: str) -> str:
        """`tasklane-dev-g4dn-xlarge`: RunTask names it to get such an instance."""
        return self._checked("capacity provider", f"{self.prefix}-{instance_type.replace('.', '-')}")

    @property
    def deploy_role(self) -> str:
        """What the pipeline deploys with."""
        return self._checked("role", f"{self.prefix}-deploy")

    @property
    def plan_role(self) -> str:
        """What the pipeline reads with: plans of pull requests, promotion to the next environment."""
        return self._checked("role", f"{self.prefix}-plan")

    @property
    def flow_log_group(self) -> str:
        return self._checked("log group", f"/{PROJECT}/{self.env.name}/network/flow-logs")

    @property
    def insights_log_group(self) -> str:
        """Container Insights writes to this name and makes the group itself, kept for ever, if it is not there."""
        return self._checked("log group", f"/aws/ecs/containerinsights/{self.cluster}/performance")

    @property
    def lanes_log_group(self) -> str:
        """Takes the run metrics of the lanes, which CloudWatch reads out of the log events."""
        return self._checked("log group", f"/{PROJECT}/{self.env.name}/lanes")

    @property
    def task_events_log_group(self) -> str:
        """Every stopped task with its reasons: ECS itself forgets them after an hour."""
        return self._checked("log group", f"/{PROJECT}/{self.env.name}/task-events")

    @property
    def alarm_topic(self) -> str:
        return self._checked("topic", f"{self.prefix}-alarms")

    @property
    def dashboard(self) -> str:
        return self._checked("dashboard", self.prefix)

    def alarm(self, alarm_id: str) -> str:
        return self._checked("alarm", f"{self.prefix}-{alarm_id}")

    def event_rule(self, rule: str) -> str:
        return self._checked("event rule", f"{self.prefix}-{rule}")

    def airflow_log_group(self, log: str) -> str:
        """MWAA writes to these names and no others; `log` is one of AIRFLOW_LOGS."""
        return self._checked("log group", f"airflow-{self.mwaa_environment}-{log}")

    def repository(self, task: str) -> str:
        return self._checked("repository", f"{self.prefix}/{task}", task)

    def family(self, task: str) -> str:
        return self._checked("family", f"{self.prefix}-{task}", task)

    def job_definition(self, task: str) -> str:
        return self._checked("job definition", f"{self.prefix}-{task}", task)

    def job_queue(self, kind: str, *, spot: bool = False) -> str:
        """`tasklane-dev-fargate`, `tasklane-dev-fargate-spot`; `kind` as in platform_spec.batch."""
        return self._checked("job queue", f"{self.prefix}-{kind}{'-spot' if spot else ''}")

    @property
    def batch_instance_role(self) -> str:
        """The ECS agents' on EC2 instances that AWS Batch starts."""
        return self._checked("role", f"{self.prefix}-batch-instances")

    def newest_family(self, task: str) -> str:
        """Revisions with the newest image, registered between deployments; all of them may be removed."""
        return self._checked("family", f"{self.prefix}-{task}-newest", task)

    def table(self, name: str) -> str:
        return self._checked("table", f"{self.prefix}-{name}")

    def container(self, task: str) -> str:
        return self._checked("container", task, task)

    def log_group(self, task: str) -> str:
        return self._checked("log group", f"/{PROJECT}/{self.env.name}/{task}", task)

    def task_role(self, task: str) -> str:
        return self._checked("role", f"{self.prefix}-{task}-task", task)

    def service_account(self, task: str) -> str:
        """In the namespace of a Kubernetes cluster; two tasks cannot share one: their words are joined by _ alone."""
        return self._checked("service account", task.replace("_", "-"), task)

    def execution_role(self, task: str) -> str:
        return self._checked("role", f"{self.prefix}-{task}-exec", task)

    def secret(self, task: str, variable: str) -> str:
        """The Secrets Manager secret whose value the task gets as environment variable `variable`."""
        return self._checked("secret", f"{self.prefix}/{task}/{variable}", task)

    @property
    def slack_secret(self) -> str:
        """The secret with the URL of the Slack webhook for failures. A person makes it; no stack knows its value."""
        return self._checked("secret", f"{self.prefix}/notifications/slack-webhook")

    def parameter(self, part: str) -> str:
        """The SSM parameter in which a stack publishes what it deployed."""
        return self._checked("parameter", f"/{PROJECT}/{self.env.name}/deployment/{part}")

    def task_parameter(self, task: str) -> str:
        return self._checked("parameter", f"/{PROJECT}/{self.env.name}/deployment/tasks/{task}", task)

    def airflow_secret(self, kind: str, name: str) -> str:
        """The secret with the value of an Airflow variable or connection; `kind` is "variables" or "connections"."""
        return self._checked("secret", f"{self.prefix}/airflow/{kind}/{name}")

    def airflow_parameter(self, name: str) -> str:
        """The SSM parameter with the value of an Airflow variable."""
        return self._checked("parameter", f"/{PROJECT}/{self.env.name}/airflow/variables/{name}")

    def _bucket(self, purpose: str) -> str:
        return self._checked("bucket", f"{self.prefix}-{purpose}-{self.env.account}-{self.env.region}")

    def _checked(self, kind: str, name: str, task: str | None = None) -> str:
        limit = LIMITS[kind]
        file = f"task_images/{task}/" if task else f"environments/{self.env.name}.toml"
        subject = f"task name {task}" if task else f"environment name {self.env.name}"
        if len(name) > limit.length:
            what = f"the {kind} would be called {name}, {len(name)} characters long"
            fix = f"shorten the {subject} by {len(name) - limit.length} characters"
            raise SpecError([Problem(file, "", None, what, f"at most {limit.length} characters", fix)])
        if not re.fullmatch(limit.form, name):
            what = f"the {kind} would be called {name}, which AWS refuses"
            raise SpecError([Problem(file, "", None, what, limit.form, f"change the {subject}")])
        return name


def construct_id(task: str) -> str:
    """`related_articles` → `RelatedArticles`: part of CloudFormation ids, which take letters and digits only."""
    return "".join(word.capitalize() for word in task.split("_"))


def image_parameter(task: str) -> str:
    """The parameter of the compute stack that says which image the task runs: `:<tag>` or `@sha256:<digest>`."""
    return f"{construct_id(task)}Image"


def check_task_names(names: Names, tasks: list[str]) -> None:
    """All names of all tasks, so that the first one that AWS would refuse is reported before anything is built."""
    problems: list[Problem] = []
    for task in tasks:
        makers = (
            names.repository,
            names.family,
            names.job_definition,
            names.container,
            names.log_group,
            names.task_role,
            names.execution_role,
        )
        for make in makers:
            try:
                make(task)
            except SpecError as error:
                problems.extend(error.problems)
    if problems:
        raise SpecError(problems)

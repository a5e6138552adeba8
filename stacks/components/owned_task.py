"""What every task in AWS has, whatever starts it: its log group, its two roles, its image."""

from __future__ import annotations

from aws_cdk import CfnParameter, Stack, Tags
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from platform_spec.content import content_tag
from platform_spec.environments import Environment
from platform_spec.naming import Names, image_parameter
from platform_spec.tasks import Task
from stacks.components.logs import OwnedLogGroup
from stacks.components.task_roles import ExecutionRole, TaskRole


class OwnedTask(Construct):
    """`task_role`, `execution_role`, `log_group`, `secrets` by variable and `image` of one task."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        task: Task,
        settings: Environment,
        names: Names,
        repository: ecr.IRepository,
        bucket: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id_)
        self.task = task
        self.log_group = OwnedLogGroup(self, "Log", name=names.log_group(task.name), settings=settings, key=key)
        self.secrets = {
            variable: secretsmanager.Secret.from_secret_name_v2(self, variable, names.secret(task.name, variable))
            for variable in task.access.secrets
        }
        self.task_role = TaskRole(self, "Task", task=task, names=names, bucket=bucket, key=key).role
        self.execution_role = ExecutionRole(
            self,
            "Execution",
            task=task,
            names=names,
            repository=repository,
            log_group=self.log_group,
            secrets=self.secrets,
            key=key,
        ).role
        self.image = f"{repository.repository_uri}{self._image_parameter().value_as_string}"
        Tags.of(self).add("task", task.name)
        Tags.of(self).add("owner", task.owner)

    def _image_parameter(self) -> CfnParameter:
        """A release gives the digest; the default is the tag the source has now, pushed before the first deployment."""
        return CfnParameter(
            Stack.of(self),
            image_parameter(self.task.name),
            description=f"Image of {self.task.name}: ':<tag>' or '@sha256:<digest>'",
            default=f":{content_tag(self.task.folder, self.task.architecture)}",
            allowed_pattern=r"^(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})$",
            constraint_description="must be ':<tag>' or '@sha256:<64 hexadecimal digits>'",
        )

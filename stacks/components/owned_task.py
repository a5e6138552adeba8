"""What every task in AWS has, whatever starts it: its log group, its two roles, its image."""

from __future__ import annotations

from aws_cdk import Tags
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from platform_spec.cost_tags import OWNER_TAG, TASK_TAG
from platform_spec.environments import Environment
from platform_spec.naming import Names
from platform_spec.tasks import Task
from stacks.components.image_choice import chosen_image
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
        self.image = chosen_image(self, task, repository)
        Tags.of(self).add(TASK_TAG, task.name)
        Tags.of(self).add(OWNER_TAG, task.owner)

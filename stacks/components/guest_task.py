"""A task whose container somebody else than AWS starts: its image and, where the environment has the lane, its role."""

from __future__ import annotations

from aws_cdk import Tags
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from platform_spec.cost_tags import OWNER_TAG, TASK_TAG
from platform_spec.guests import variables
from platform_spec.naming import Names
from platform_spec.tasks import Task
from stacks.components.image_choice import chosen_image
from stacks.components.published import Published
from stacks.components.task_roles import TaskRole


class GuestTask(Construct):
    """`image` and `role`; `trusts` None: the environment does not offer the lane, and there is no role."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        task: Task,
        names: Names,
        repository: ecr.IRepository,
        bucket: s3.IBucket,
        key: kms.IKey,
        trusts: iam.IPrincipal | None,
    ) -> None:
        super().__init__(scope, id_)
        self.task, self.repository = task, repository
        self.image = chosen_image(self, task, repository)
        self.role: iam.IRole | None = None
        if trusts is not None:
            made = TaskRole(self, "Task", task=task, names=names, bucket=bucket, key=key, trusts=trusts)
            self.role = made.role
        values: dict[str, object] = {
            "container": names.container(task.name),
            "image": self.image,
            "task_role_arn": self.role.role_arn if self.role else "",
            "variables": variables(task, names),
        }
        Published(self, "Deployment", name=names.task_parameter(task.name), values=values)
        Tags.of(self).add(TASK_TAG, task.name)
        Tags.of(self).add(OWNER_TAG, task.owner)

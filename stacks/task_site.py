"""Where a stack puts its tasks: what every task is made from, whatever starts it, and how it is made known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from aws_cdk import Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from platform_spec.environments import Environment
from platform_spec.naming import Names, construct_id
from platform_spec.tasks import Task
from stacks.components.owned_task import OwnedTask
from stacks.components.published import Published
from stacks.network import NetworkStack
from stacks.storage import StorageStack


class TaskParts(TypedDict):
    """The arguments of OwnedTask beside its place in the tree."""

    task: Task
    settings: Environment
    names: Names
    repository: ecr.IRepository
    bucket: s3.IBucket
    key: kms.IKey


@dataclass(frozen=True)
class TaskSite:
    """What a stack of tasks is given; `tasks` are all of the environment, each stack takes those of its lanes."""

    settings: Environment
    names: Names
    tasks: Mapping[str, Task]
    network: NetworkStack
    storage: StorageStack

    def repository(self, stack: Stack, task: Task) -> ecr.IRepository:
        """By name: an export of a removed task's repository would keep the registry stack from being updated."""
        return ecr.Repository.from_repository_name(
            stack, f"{construct_id(task.name)}Repository", self.names.repository(task.name)
        )

    def parts(self, stack: Stack, task: Task) -> TaskParts:
        return {
            "task": task,
            "settings": self.settings,
            "names": self.names,
            "repository": self.repository(stack, task),
            "bucket": self.storage.data_bucket,
            "key": self.storage.key,
        }

    def publish(self, stack: Stack, made: OwnedTask, **values: object) -> None:
        """`values`: what this lane adds to image, log and roles."""
        Published(
            stack,
            f"{construct_id(made.task.name)}Deployment",
            name=self.names.task_parameter(made.task.name),
            values={
                **values,
                "image": made.image,
                "log_group": made.log_group.log_group_name,
                "log_stream_prefix": made.task.name,
                "task_role_arn": made.task_role.role_arn,
                "execution_role_arn": made.execution_role.role_arn,
            },
        )

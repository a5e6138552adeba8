"""All tasks whose containers somebody else than AWS starts, each with a role for exactly that somebody."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam

from platform_spec.environments import Environment
from platform_spec.kubernetes import subject
from platform_spec.lanes import GUESTS
from platform_spec.naming import Names, construct_id
from platform_spec.tasks import Task
from stacks.components.guest_task import GuestTask
from stacks.storage import StorageStack


def guest_tasks(
    stack: Stack, tasks: Mapping[str, Task], *, settings: Environment, names: Names, storage: StorageStack
) -> list[GuestTask]:
    """Made in `stack`; without a role where the environment does not offer the task's lane."""
    return [
        GuestTask(
            stack,
            construct_id(task.name),
            task=task,
            names=names,
            # By name: an export of a removed task's repository would keep the registry stack from being updated.
            repository=ecr.Repository.from_repository_name(
                stack, f"{construct_id(task.name)}Repository", names.repository(task.name)
            ),
            bucket=storage.data_bucket,
            key=storage.key,
            trusts=_principal(stack, task, settings, names),
        )
        for task in tasks.values()
        if task.lane in GUESTS
    ]


def _principal(stack: Stack, task: Task, settings: Environment, names: Names) -> iam.IPrincipal | None:
    """The workers' role (docker), or the task's own service account in the cluster (kubernetes: IRSA)."""
    if task.lane == "docker":
        return iam.ArnPrincipal(settings.docker.worker_role) if settings.docker else None
    if settings.kubernetes is None:
        return None
    issuer = settings.kubernetes.provider
    provider = stack.format_arn(service="iam", region="", resource="oidc-provider", resource_name=issuer)
    token = {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject(settings.kubernetes, names, task.name)}
    return iam.WebIdentityPrincipal(provider, {"StringEquals": token})

"""All tasks whose containers somebody else than AWS starts, each with a role for exactly that somebody."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from platform_spec.environments import Environment
from platform_spec.kubernetes import subject
from platform_spec.lanes import GUESTS
from platform_spec.naming import Names, construct_id
from platform_spec.tasks import Task
from stacks.components.docker_worker_policy import docker_worker
from stacks.components.guest_task import GuestTask
from stacks.task_site import TaskSite


def guest_tasks(stack: Stack, site: TaskSite) -> list[GuestTask]:
    """Made in `stack`; without a role where the environment does not offer the task's lane."""
    return [
        GuestTask(
            stack,
            construct_id(task.name),
            task=task,
            names=site.names,
            repository=site.repository(stack, task),
            bucket=site.storage.data_bucket,
            key=site.storage.key,
            trusts=_principal(stack, task, site.settings, site.names),
        )
        for task in site.tasks.values()
        if task.lane in GUESTS
    ]


def _principal(stack: Stack, task: Task, settings: Environment, names: Names) -> iam.IPrincipal | None:
    """The workers' role (docker), or the task's own service account in the cluster (kubernetes: IRSA)."""
    if task.lane == "docker":
        return docker_worker(settings.docker.worker_role, names) if settings.docker else None
    if settings.kubernetes is None:
        return None
    issuer = settings.kubernetes.provider
    provider = stack.format_arn(service="iam", region="", resource="oidc-provider", resource_name=issuer)
    token = {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject(settings.kubernetes, names, task.name)}
    return iam.WebIdentityPrincipal(provider, {"StringEquals": token})

"""Tasks on Airflow's own workers: a role each, which the worker takes on for the program and nobody else can."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from platform_spec.naming import Names, construct_id
from platform_spec.tasks import Task
from stacks.components.data_access import data_statements
from stacks.components.published import Published


class WorkerTasks(Construct):
    """`roles` by task; their rights are the access intents of task.toml and nothing more."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        tasks: Sequence[Task],
        names: Names,
        worker: iam.IRole,
        bucket: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id_)
        stack = Stack.of(self)
        self.tasks = tasks
        self.roles: dict[str, iam.IRole] = {}
        for task in tasks:
            at = Construct(self, construct_id(task.name))
            role = iam.Role(
                at,
                "Role",
                role_name=names.task_role(task.name),
                assumed_by=iam.ArnPrincipal(worker.role_arn),
                description=f"The program of {task.name} acts with it, on Airflow's workers",
            )
            statements = data_statements(stack, task.access, bucket, key)
            if statements:
                iam.ManagedPolicy(at, "Policy", roles=[role], statements=statements)
            self.roles[task.name] = role.without_policy_updates()
            role_arn: dict[str, object] = {"task_role_arn": role.role_arn}
            Published(at, "Deployment", name=names.task_parameter(task.name), values=role_arn)


def take_on_statements(stack: Stack, tasks: Sequence[Task], names: Names) -> list[iam.PolicyStatement]:
    """For the worker's own role: exactly the roles of these tasks. By name: they trust the role that this is for."""
    if not tasks:
        return []
    arns = [
        stack.format_arn(service="iam", region="", resource="role", resource_name=names.task_role(task.name))
        for task in tasks
    ]
    return [iam.PolicyStatement(sid="TakeOnTaskRoles", actions=["sts:AssumeRole"], resources=arns)]

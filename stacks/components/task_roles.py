"""The two roles of a task: what its program may do, and what ECS may do to start it."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from platform_spec.naming import Names
from platform_spec.tasks import Task
from stacks.components.data_access import data_statements


def _ecs_tasks(stack: Stack) -> iam.IPrincipal:
    """Only ECS acting for this account (ECS developer guide, "Task IAM role": confused deputy)."""
    source = stack.format_arn(service="ecs", resource="*")
    conditions = {"StringEquals": {"aws:SourceAccount": stack.account}, "ArnLike": {"aws:SourceArn": source}}
    return iam.ServicePrincipal("ecs-tasks.amazonaws.com", conditions=conditions)


class TaskRole(Construct):
    """`role` has what the task's access intents say and nothing more."""

    def __init__(
        self, scope: Construct, id_: str, *, task: Task, names: Names, bucket: s3.IBucket, key: kms.IKey
    ) -> None:
        super().__init__(scope, id_)
        stack = Stack.of(self)
        role = iam.Role(
            self,
            "Role",
            role_name=names.task_role(task.name),
            assumed_by=_ecs_tasks(stack),
            description=f"The program of {task.name} acts with it",
        )
        statements = data_statements(stack, task.access, bucket, key)
        if statements:
            iam.ManagedPolicy(self, "Policy", roles=[role], statements=statements)
        # CDK may add nothing to it on its own: what is granted is written down above.
        self.role = role.without_policy_updates()


class ExecutionRole(Construct):
    """`role` lets ECS pull this task's images, write its log and read its secrets."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        task: Task,
        names: Names,
        repository: ecr.IRepository,
        log_group: logs.ILogGroup,
        secrets: Mapping[str, secretsmanager.ISecret],
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id_)
        stack = Stack.of(self)
        role = iam.Role(
            self,
            "Role",
            role_name=names.execution_role(task.name),
            assumed_by=_ecs_tasks(stack),
            description=f"ECS starts {task.name} with it: image, log, secrets",
        )
        pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        write = ["logs:CreateLogStream", "logs:PutLogEvents"]
        statements = [
            iam.PolicyStatement(sid="LogInToEcr", actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(sid="PullImage", actions=pull, resources=[repository.repository_arn]),
            iam.PolicyStatement(sid="WriteLog", actions=write, resources=[log_group.log_group_arn]),
        ]
        if secrets:
            statements += _secret_statements(stack, secrets, key)
        iam.ManagedPolicy(self, "Policy", roles=[role], statements=statements)
        self.role = role.without_policy_updates()


def _secret_statements(
    stack: Stack, secrets: Mapping[str, secretsmanager.ISecret], key: kms.IKey
) -> list[iam.PolicyStatement]:
    # Secrets Manager ends the ARN of a secret with six random characters that its name does not have.
    arns = [f"{secret.secret_arn}-??????" for secret in secrets.values()]
    via = {"StringEquals": {"kms:ViaService": f"secretsmanager.{stack.region}.amazonaws.com"}}
    return [
        iam.PolicyStatement(sid="ReadSecrets", actions=["secretsmanager:GetSecretValue"], resources=arns),
        iam.PolicyStatement(
            sid="UseKeyThroughSecrets", actions=["kms:Decrypt"], resources=[key.key_arn], conditions=via
        ),
    ]

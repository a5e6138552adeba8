"""The two roles of a task: what its program may do, and what ECS may do to start it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from stacks.components.register_access import register_statements
from stacks.components.table_access import table_statements


def _ecs(stack: Stack) -> iam.IPrincipal:
    """ECS alone, and acting for this account (ECS developer guide, "Task IAM role": confused deputy)."""
    source = stack.format_arn(service="ecs", resource="*")
    conditions = {"StringEquals": {"aws:SourceAccount": stack.account}, "ArnLike": {"aws:SourceArn": source}}
    return iam.ServicePrincipal("ecs-tasks.amazonaws.com", conditions=conditions)


def _role(
    scope: Construct,
    *,
    name: str,
    statements: Sequence[iam.PolicyStatement],
    description: str,
    trusts: iam.IPrincipal | None = None,
) -> iam.IRole:
    """A role with these statements, by default for ECS."""
    principal = trusts or _ecs(Stack.of(scope))
    role = iam.Role(scope, "Role", role_name=name, assumed_by=principal, description=description)
    if statements:
        iam.ManagedPolicy(scope, "Policy", roles=[role], statements=list(statements))
    return role.without_policy_updates()  # CDK may add nothing to it on its own: what is granted is written down


class TaskRole(Construct):
    """`role` has what the task's access intents say and nothing more. `trusts`: who takes it on, if not ECS."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        task: Task,
        names: Names,
        bucket: s3.IBucket,
        key: kms.IKey,
        trusts: iam.IPrincipal | None = None,
    ) -> None:
        super().__init__(scope, id_)
        stack = Stack.of(self)
        statements = [
            *data_statements(stack, task.access, bucket, key),
            *table_statements(stack, names, task.access, key),
            *register_statements(stack, names, task),
        ]
        self.role = _role(
            self,
            name=names.task_role(task.name),
            statements=statements,
            description=f"The program of {task.name} acts with it",
            trusts=trusts,
        )


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
        pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        write = ["logs:CreateLogStream", "logs:PutLogEvents"]
        statements = [
            iam.PolicyStatement(sid="LogInToEcr", actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(sid="PullImage", actions=pull, resources=[repository.repository_arn]),
            iam.PolicyStatement(sid="WriteLog", actions=write, resources=[log_group.log_group_arn]),
        ]
        if secrets:
            statements += _secret_statements(Stack.of(self), secrets, key)
        self.role = _role(
            self,
            name=names.execution_role(task.name),
            statements=statements,
            description=f"ECS starts {task.name} with it: image, log, secrets",
        )


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

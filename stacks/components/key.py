"""The environment's customer managed key."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from platform_spec.environments import Environment
from platform_spec.naming import PROJECT, Names


class EncryptionKey(kms.Key):
    """Encrypts buckets, images, logs and what MWAA stores. Rotated yearly.

    Roles get the use of it in their own policies; the key policy names services, each for its own part only.
    """

    def __init__(self, scope: Construct, id_: str, *, settings: Environment, names: Names) -> None:
        super().__init__(
            scope,
            id_,
            alias=names.key_alias,
            description=f"Tasklane {settings.name}: data, images and logs",
            enable_key_rotation=True,
            pending_window=Duration.days(30 if settings.keeps_data else 7),
            removal_policy=RemovalPolicy.RETAIN if settings.keeps_data else RemovalPolicy.DESTROY,
        )
        self._let_logs_encrypt(settings, names)
        self._let_alarms_publish()

    def _let_logs_encrypt(self, settings: Environment, names: Names) -> None:
        """CloudWatch Logs presents the log group as encryption context: only ours pass.

        Source: CloudWatch Logs user guide, "Encrypt log data using AWS KMS"; MWAA refuses to start without it.
        """
        stack = Stack.of(self)
        prefixes = (
            f"airflow-{names.mwaa_environment}-*",
            f"/{PROJECT}/{settings.name}/*",
            names.insights_log_group,
        )
        groups = [f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{name}" for name in prefixes]
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogGroupsOfThisEnvironment",
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                resources=["*"],  # in a key policy: this key
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            )
        )

    def _let_alarms_publish(self) -> None:
        """An alarm can tell an encrypted topic only if CloudWatch may use the topic's key (SNS developer guide)."""
        account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],  # in a key policy: this key
                conditions=account,
            )
        )

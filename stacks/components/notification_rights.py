"""What the DAGs need to tell of a failure: to publish on one topic, or to read one secret."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from platform_spec.environments import Environment
from platform_spec.naming import Names


def topic_arn(stack: Stack, names: Names) -> str:
    """By its name: the monitoring stack, which makes it, may come later."""
    return stack.format_arn(service="sns", resource=names.alarm_topic)


def notification_statements(
    stack: Stack, settings: Environment, names: Names, key: kms.IKey
) -> list[iam.PolicyStatement]:
    """For the execution role, by the channel of the environment."""
    channel = settings.notifications.failures
    if channel == "sns":
        publish = iam.PolicyStatement(sid="TellFailures", actions=["sns:Publish"], resources=[topic_arn(stack, names)])
        return [publish, _use_key(stack, key, "sns", "kms:Decrypt", "kms:GenerateDataKey")]
    if channel == "slack":
        # Secrets Manager ends the ARN of a secret with six random characters that its name does not have.
        secret = stack.format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{names.slack_secret}-??????",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        read = iam.PolicyStatement(
            sid="ReadSlackWebhook", actions=["secretsmanager:GetSecretValue"], resources=[secret]
        )
        return [read, _use_key(stack, key, "secretsmanager", "kms:Decrypt")]
    return []


def _use_key(stack: Stack, key: kms.IKey, service: str, *actions: str) -> iam.PolicyStatement:
    """Topic and secret are encrypted with the environment's key; it is used through their service alone."""
    via = {"StringEquals": {"kms:ViaService": f"{service}.{stack.region}.amazonaws.com"}}
    return iam.PolicyStatement(sid="UseKeyToTell", actions=list(actions), resources=[key.key_arn], conditions=via)

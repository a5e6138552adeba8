"""Where alarms go: one encrypted SNS topic, and the environment's address as a subscriber."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from platform_spec.environments import Environment
from platform_spec.naming import Names


class AlarmTopic(Construct):
    """`topic`. Only alarms of this account may publish, over TLS. The address must confirm the e-mail SNS sends it."""

    def __init__(self, scope: Construct, id_: str, *, settings: Environment, names: Names, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        self.topic = sns.CfnTopic(
            self, "Topic", topic_name=names.alarm_topic, display_name=names.alarm_topic, kms_master_key_id=key.key_arn
        )
        account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        sns.CfnTopicPolicy(
            self,
            "Policy",
            topics=[self.topic.ref],
            policy_document=iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        sid="AlarmsOfThisAccount",
                        principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                        actions=["sns:Publish"],
                        resources=[self.topic.ref],
                        conditions=account,
                    ),
                    iam.PolicyStatement(
                        sid="OnlyOverTls",
                        effect=iam.Effect.DENY,
                        principals=[iam.AnyPrincipal()],
                        actions=["sns:Publish"],
                        resources=[self.topic.ref],
                        conditions={"Bool": {"aws:SecureTransport": "false"}},
                    ),
                ]
            ),
        )
        if settings.alarm_address:
            sns.CfnSubscription(
                self, "Address", topic_arn=self.topic.ref, protocol="email", endpoint=settings.alarm_address
            )

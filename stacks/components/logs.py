"""Log groups: always with a retention, encrypted with the environment's key."""

from __future__ import annotations

from typing import cast

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from platform_spec.environments import Environment


class OwnedLogGroup(logs.LogGroup):
    """A log group that is made here, before any service makes one that nobody encrypts and nobody ever deletes."""

    def __init__(self, scope: Construct, id_: str, *, name: str, settings: Environment, key: kms.IKey) -> None:
        super().__init__(
            scope,
            id_,
            log_group_name=name,
            encryption_key=key,
            removal_policy=RemovalPolicy.RETAIN if settings.keeps_data else RemovalPolicy.DESTROY,
        )
        # CDK takes the retention as an enum of words (FIVE_MONTHS), CloudFormation as the number of days.
        cast(logs.CfnLogGroup, self.node.default_child).retention_in_days = settings.log_retention_days

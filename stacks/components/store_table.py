"""A DynamoDB table: where a pipeline hands its results to an application."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from platform_spec.environments import Environment


class StoreTable(dynamodb.Table):
    """Keys `pk` and `sk` (text); paid per request; any second of the last 35 days can be restored."""

    def __init__(self, scope: Construct, id_: str, *, name: str, settings: Environment, key: kms.IKey) -> None:
        super().__init__(
            scope,
            id_,
            table_name=name,
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=settings.keeps_data,
            removal_policy=RemovalPolicy.RETAIN if settings.keeps_data else RemovalPolicy.DESTROY,
        )

"""`tables = ["related_articles"]` as policy statements."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from platform_spec.naming import Names
from platform_spec.tasks import Access

# What it takes to write a set of items, to count it, to switch to it and to remove an old one. No scan.
ACTIONS = ("dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem")


def table_statements(stack: Stack, names: Names, access: Access, key: kms.IKey) -> list[iam.PolicyStatement]:
    """Read and write the items of these tables, and use their key through DynamoDB."""
    if not access.tables:
        return []
    via = {"StringEquals": {"kms:ViaService": f"dynamodb.{stack.region}.amazonaws.com"}}
    # By name, as the repositories: an export of a removed table would keep the storage stack from being updated.
    arns = [
        stack.format_arn(service="dynamodb", resource="table", resource_name=names.table(table))
        for table in access.tables
    ]
    return [
        iam.PolicyStatement(sid="UseTables", actions=list(ACTIONS), resources=arns),
        iam.PolicyStatement(
            sid="UseKeyThroughDynamoDb", actions=["kms:Decrypt"], resources=[key.key_arn], conditions=via
        ),
    ]

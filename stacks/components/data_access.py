"""Access intents (`read = ["raw/"]`) as policy statements on the data bucket."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from platform_spec.tasks import Access


def data_statements(
    stack: Stack, access: Access, bucket: s3.IBucket, key: kms.IKey | None
) -> list[iam.PolicyStatement]:
    """List: names below the prefixes. Read: get and list. Write: put; neither delete nor list.

    `key`: None for a role that may use the bucket's key already.
    List is bound to prefixes, so S3 answers a HEAD of a missing object with 403: to see whether one exists, list it.
    """
    statements = []
    key_actions = set()
    if access.read:
        statements.append(
            iam.PolicyStatement(
                sid="ReadData",
                actions=["s3:GetObject"],
                resources=[bucket.arn_for_objects(f"{prefix}*") for prefix in access.read],
            )
        )
        key_actions |= {"kms:Decrypt"}
    listed = sorted({*access.read, *access.list})
    if listed:
        statements.append(
            iam.PolicyStatement(
                sid="ListData",
                actions=["s3:ListBucket"],
                resources=[bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in listed]}},
            )
        )
    if access.write:
        statements.append(
            iam.PolicyStatement(
                sid="WriteData",
                actions=["s3:PutObject", "s3:AbortMultipartUpload"],
                resources=[bucket.arn_for_objects(f"{prefix}*") for prefix in access.write],
            )
        )
        key_actions |= {"kms:Decrypt", "kms:GenerateDataKey"}  # S3 decrypts the parts to finish a multipart upload
    if key_actions and key:
        statements.append(
            iam.PolicyStatement(
                sid="UseKeyThroughS3",
                actions=sorted(key_actions),
                resources=[key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": f"s3.{stack.region}.amazonaws.com"}},
            )
        )
    return statements

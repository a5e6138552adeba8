"""Private buckets: encrypted, versioned, TLS only, logged."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from platform_spec.environments import Environment


class AccessLogBucket(s3.Bucket):
    """Takes the access logs of the other buckets, for a year.

    S3 delivers them only to a bucket encrypted with S3's own key (S3 user guide, "Enabling server access logging").
    """

    def __init__(self, scope: Construct, id_: str, *, name: str, settings: Environment) -> None:
        super().__init__(
            scope,
            id_,
            bucket_name=name,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire", expiration=Duration.days(365), noncurrent_version_expiration=Duration.days(30)
                )
            ],
            removal_policy=RemovalPolicy.RETAIN if settings.keeps_data else RemovalPolicy.DESTROY,
        )


class PrivateBucket(s3.Bucket):
    """A bucket of the environment. Versions make an overwritten or deleted object recoverable."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        settings: Environment,
        key: kms.IKey,
        access_logs: s3.IBucket,
        lifecycle_rules: Sequence[s3.LifecycleRule],
        locked_days: int = 0,
    ) -> None:
        unfinished = s3.LifecycleRule(id="unfinished-uploads", abort_incomplete_multipart_upload_after=Duration.days(2))
        super().__init__(
            scope,
            id_,
            bucket_name=name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,  # one KMS request per bucket and hour in place of one per object
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{id_.lower()}/",
            # Governance: a person with s3:BypassGovernanceRetention may still delete; none of our roles has it.
            object_lock_default_retention=(
                s3.ObjectLockRetention.governance(Duration.days(locked_days)) if locked_days else None
            ),
            lifecycle_rules=[unfinished, *lifecycle_rules],
            removal_policy=RemovalPolicy.RETAIN if settings.keeps_data else RemovalPolicy.DESTROY,
        )

"""What must outlive everything else: the key, the buckets, the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from platform_spec.environments import Environment
from platform_spec.naming import Names, construct_id
from platform_spec.releases import WRITTEN_ONCE
from platform_spec.virtualenvs import BUNDLES, WHEELS
from stacks.components.buckets import AccessLogBucket, PrivateBucket
from stacks.components.key import EncryptionKey
from stacks.components.published import Published
from stacks.components.store_table import StoreTable


class StorageStack(Stack):
    """Depends on no other stack, so that it can stay when the others are replaced."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Environment,
        names: Names,
        tables: Sequence[str] = (),
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        self.key = EncryptionKey(self, "Key", settings=settings, names=names)
        self.access_logs = AccessLogBucket(self, "AccessLogs", name=names.access_log_bucket, settings=settings)
        self.dag_bucket = PrivateBucket(
            self,
            "Dags",
            name=names.dag_bucket,
            settings=settings,
            key=self.key,
            access_logs=self.access_logs,
            # MWAA refers to plugins, requirements and startup script by object version, and so does a rollback.
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="old-versions",
                    noncurrent_version_expiration=Duration.days(365),
                    noncurrent_versions_to_retain=50,
                )
            ],
        )
        self.dag_bucket.add_to_resource_policy(self._written_once())
        self.data_bucket = PrivateBucket(
            self,
            "Data",
            name=names.data_bucket,
            settings=settings,
            key=self.key,
            access_logs=self.access_logs,
            lifecycle_rules=[
                s3.LifecycleRule(id="old-versions", noncurrent_version_expiration=Duration.days(30)),
                s3.LifecycleRule(id="task-results", prefix="runs/", expiration=Duration.days(180)),
            ],
            locked_days=settings.data_locked_days,
        )
        self.tables = {
            table: StoreTable(self, construct_id(table), name=names.table(table), settings=settings, key=self.key)
            for table in tables
        }
        Published(
            self,
            "Deployment",
            name=names.parameter("storage"),
            values={
                "dag_bucket": self.dag_bucket.bucket_name,
                "data_bucket": self.data_bucket.bucket_name,
                "key_arn": self.key.key_arn,
            },
        )

    def _written_once(self) -> iam.PolicyStatement:
        """Nobody overwrites a release, whatever their role allows: S3 itself must be asked to refuse what exists.

        S3 user guide, "Enforce conditional writes on Amazon S3 buckets". Uploads in parts, which that page exempts, are
        refused altogether: nothing of ours sends any.
        """
        return iam.PolicyStatement(
            sid="ReleasesAreWrittenOnce",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["s3:PutObject"],
            resources=[self.dag_bucket.arn_for_objects(f"{prefix}*") for prefix in (*WRITTEN_ONCE, BUNDLES, WHEELS)],
            conditions={"Null": {"s3:if-none-match": "true"}},
        )

"""Where the images of one task are kept."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from constructs import Construct

from platform_spec.environments import Environment

KEPT_IMAGES = 50


class ImageRepository(ecr.Repository):
    """Tags are never moved, so that a tag or digest in a task definition means the same image for ever."""

    def __init__(self, scope: Construct, id_: str, *, name: str, settings: Environment, key: kms.IKey) -> None:
        super().__init__(
            scope,
            id_,
            repository_name=name,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            encryption=ecr.RepositoryEncryption.KMS,
            encryption_key=key,
            lifecycle_rules=[
                ecr.LifecycleRule(
                    rule_priority=1,
                    description="images without a tag, after a week",
                    tag_status=ecr.TagStatus.UNTAGGED,
                    max_image_age=Duration.days(7),
                ),
                ecr.LifecycleRule(
                    rule_priority=2, description=f"all but the newest {KEPT_IMAGES}", max_image_count=KEPT_IMAGES
                ),
            ],
            removal_policy=RemovalPolicy.RETAIN if settings.keeps_data else RemovalPolicy.DESTROY,
        )

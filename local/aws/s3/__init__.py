"""S3 where ministack differs from AWS in ways that our deployments meet."""

from local.aws.iam.enforcement import Enforcement
from local.aws.s3 import managed_key, missing_keys
from local.aws.s3.key_use import KeyUse


def install(enforcement: Enforcement) -> None:
    """Install every correction."""
    managed_key.install()
    KeyUse(enforcement).install()
    missing_keys.install(enforcement)

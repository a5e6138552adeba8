"""S3 where ministack differs from AWS in ways that our deployments meet."""

from local.aws.s3 import managed_key


def install() -> None:
    """Install every correction."""
    managed_key.install()

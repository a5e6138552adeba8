"""SNS where ministack differs from AWS in ways that our deployments meet."""

from local.aws.sns import subscriptions


def install() -> None:
    """Install every correction; after CloudFormation's handlers are complete."""
    subscriptions.install()

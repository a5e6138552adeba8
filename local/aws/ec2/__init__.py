"""EC2's Describe answers, completed."""

from local.aws.ec2 import describe_answers


def install() -> None:
    """Install the corrections."""
    describe_answers.install()

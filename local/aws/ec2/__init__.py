"""EC2: what ministack drops of VPC endpoints, and what its Describe answers leave out."""

from local.aws.ec2 import describe_answers, endpoints


def install() -> None:
    """Install the corrections."""
    describe_answers.install()
    endpoints.install()

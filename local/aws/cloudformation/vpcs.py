"""AWS::EC2::VPC: attributes that templates read (CloudFormation Template Reference, AWS::EC2::VPC, Return values)."""

from local.aws.cloudformation.registry import Json, after


def install() -> None:
    """Add CidrBlock and its companions to ministack's attributes."""
    after("AWS::EC2::VPC", _attributes)


def _attributes(vpc_id: str, properties: Json, old: Json | None) -> Json:
    return {"CidrBlock": properties.get("CidrBlock"), "CidrBlockAssociations": [], "Ipv6CidrBlocks": []}

"""AWS::SNS::Topic: the attributes beside its name (CloudFormation Template Reference; Amazon SNS API, attributes)."""

from ministack.services import sns

from local.aws.cloudformation.registry import Json, after, expect

_STOCK = {"DisplayName", "Subscription", "Tags", "TopicName"}
_ATTRIBUTES = {"KmsMasterKeyId", "SignatureVersion", "TracingConfig"}


def install() -> None:
    """Complete what ministack stores."""
    after("AWS::SNS::Topic", _complete)


def _complete(arn: str, properties: Json, old: Json | None) -> Json:
    expect("AWS::SNS::Topic", properties, _STOCK | _ATTRIBUTES)
    attributes = sns._topics[arn]["attributes"]
    for name in _ATTRIBUTES:
        if name in properties:
            attributes[name] = str(properties[name])
        else:
            attributes.pop(name, None)
    return {}

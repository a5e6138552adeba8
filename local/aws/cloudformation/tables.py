"""AWS::DynamoDB::Table: encryption and point-in-time recovery (CloudFormation Template Reference)."""

from ministack.services import dynamodb

from local.aws.cloudformation.registry import Json, after, expect

_STOCK = {"AttributeDefinitions", "BillingMode", "DeletionProtectionEnabled", "KeySchema", "TableName", "Tags"}
_OURS = {"PointInTimeRecoverySpecification", "SSESpecification"}


def install() -> None:
    """Complete what ministack stores."""
    after("AWS::DynamoDB::Table", _complete)


def _complete(name: str, properties: Json, old: Json | None) -> Json:
    expect("AWS::DynamoDB::Table", properties, _STOCK | _OURS)
    asked = properties.get("SSESpecification")
    specification = {**asked, "Enabled": _true(asked.get("SSEEnabled"))} if asked else None
    dynamodb._tables[name]["SSEDescription"] = dynamodb._sse_description_from_spec(specification)
    recovery = properties.get("PointInTimeRecoverySpecification", {})
    dynamodb._pitr_settings[name] = _true(recovery.get("PointInTimeRecoveryEnabled"))
    return {}


def _true(value: object) -> bool:
    return value in (True, "true")

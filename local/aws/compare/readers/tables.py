"""DynamoDB tables (Amazon DynamoDB API Reference)."""

from typing import Any

from local.aws.compare.readers.base import Deployed, Json, Reader


def _table(clients: Any, name: str, own: Json) -> Deployed:
    dynamodb = clients("dynamodb")
    table = dynamodb.describe_table(TableName=name)["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    in_time = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    properties: Json = {
        "TableName": table["TableName"],
        "KeySchema": table["KeySchema"],
        "AttributeDefinitions": table["AttributeDefinitions"],
        "BillingMode": table.get("BillingModeSummary", {}).get("BillingMode"),
        "DeletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": in_time},
        "Tags": dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
    }
    if encrypted := table.get("SSEDescription"):
        properties["SSESpecification"] = {
            "SSEEnabled": encrypted["Status"] == "ENABLED",
            "SSEType": encrypted["SSEType"],
            "KMSMasterKeyId": encrypted["KMSMasterKeyArn"],
        }
    return Deployed(properties, {"Arn": table["TableArn"]})


READERS: dict[str, Reader] = {"AWS::DynamoDB::Table": _table}

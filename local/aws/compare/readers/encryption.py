"""KMS keys and aliases, secrets, log groups (AWS KMS, Secrets Manager and CloudWatch Logs API References)."""

from typing import Any

from local.aws.compare.readers.base import Deployed, Json, Reader


def _key(clients: Any, identifier: str, own: Json) -> Deployed:
    kms = clients("kms")
    key = kms.describe_key(KeyId=identifier)["KeyMetadata"]
    rotation = kms.get_key_rotation_status(KeyId=identifier)
    properties = {
        **key,
        "EnableKeyRotation": rotation["KeyRotationEnabled"],
        "RotationPeriodInDays": rotation.get("RotationPeriodInDays"),
        "KeyPolicy": kms.get_key_policy(KeyId=identifier, PolicyName="default")["Policy"],
        "Tags": kms.list_resource_tags(KeyId=identifier)["Tags"],
        # No API answers the waiting period of a key that is not being deleted: CloudFormation keeps it for the delete.
        "PendingWindowInDays": own.get("PendingWindowInDays"),
    }
    return Deployed(properties, {"Arn": key["Arn"], "KeyId": key["KeyId"]})


def _alias(clients: Any, name: str, own: Json) -> Deployed:
    aliases = [one for page in clients("kms").get_paginator("list_aliases").paginate() for one in page["Aliases"]]
    alias = next(one for one in aliases if one["AliasName"] == name)
    key = clients("kms").describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"]
    target = key["Arn"] if str(own.get("TargetKeyId", "")).startswith("arn:") else key["KeyId"]
    return Deployed({"AliasName": name, "TargetKeyId": target})


def _log_group(clients: Any, name: str, own: Json) -> Deployed:
    logs = clients("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    group = next(one for one in groups if one["logGroupName"] == name)
    arn = group["arn"] if group["arn"].endswith(":*") else group["arn"] + ":*"
    properties = {
        "LogGroupName": name,
        "Tags": logs.list_tags_for_resource(resourceArn=arn.removesuffix(":*"))["tags"],
        "LogGroupClass": group.get("logGroupClass", "STANDARD"),
        "DeletionProtectionEnabled": group.get("deletionProtectionEnabled", False),
    }
    for key, member in (("RetentionInDays", "retentionInDays"), ("KmsKeyId", "kmsKeyId")):
        if member in group:
            properties[key] = group[member]
    return Deployed(properties, {"Arn": arn})


def _secret(clients: Any, arn: str, own: Json) -> Deployed:
    secret = clients("secretsmanager").describe_secret(SecretId=arn)
    return Deployed({**secret, "GenerateSecretString": own.get("GenerateSecretString")}, {"Id": arn})


READERS: dict[str, Reader] = {
    "AWS::KMS::Key": _key,
    "AWS::KMS::Alias": _alias,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::SecretsManager::Secret": _secret,
}

"""Buckets and their policies, SSM parameters (Amazon S3 and Systems Manager API References)."""

from typing import Any

from botocore.exceptions import ClientError

from local.aws.compare.readers.base import Deployed, Json, Reader


def _bucket(clients: Any, name: str, own: Json) -> Deployed:
    s3, calls = clients("s3"), {}
    for key, call in _CALLS.items():
        try:
            answer = getattr(s3, call)(Bucket=name)
            calls[key] = {item: value for item, value in answer.items() if item != "ResponseMetadata"}
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:  # 404: the bucket has no such setting
                raise
    properties: Json = {"BucketName": name, "Tags": calls.get("Tags", {}).get("TagSet", [])}
    if "encryption" in calls:
        rules = calls["encryption"]["ServerSideEncryptionConfiguration"]["Rules"]
        properties["BucketEncryption"] = {"ServerSideEncryptionConfiguration": [_encryption(rule) for rule in rules]}
    if "lifecycle" in calls:
        properties["LifecycleConfiguration"] = {"Rules": [_lifecycle(rule) for rule in calls["lifecycle"]["Rules"]]}
    if calls.get("logging", {}).get("LoggingEnabled"):
        enabled = calls["logging"]["LoggingEnabled"]
        names = {"DestinationBucketName": enabled["TargetBucket"], "LogFilePrefix": enabled.get("TargetPrefix", "")}
        properties["LoggingConfiguration"] = names
    properties["VersioningConfiguration"] = calls.get("versioning", {})
    for key, member in (("OwnershipControls", "OwnershipControls"), ("ObjectLockConfiguration",) * 2):
        if key in calls:
            properties[key] = calls[key][member]
    if "block" in calls:
        properties["PublicAccessBlockConfiguration"] = calls["block"]["PublicAccessBlockConfiguration"]
    if "EventBridgeConfiguration" in calls.get("notification", {}):
        properties["NotificationConfiguration"] = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    properties["ObjectLockEnabled"] = "ObjectLockConfiguration" in calls
    return Deployed(properties, {"Arn": f"arn:aws:s3:::{name}"})


_CALLS = {
    "Tags": "get_bucket_tagging",
    "encryption": "get_bucket_encryption",
    "lifecycle": "get_bucket_lifecycle_configuration",
    "logging": "get_bucket_logging",
    "versioning": "get_bucket_versioning",
    "OwnershipControls": "get_bucket_ownership_controls",
    "ObjectLockConfiguration": "get_object_lock_configuration",
    "block": "get_public_access_block",
    "notification": "get_bucket_notification_configuration",
}


def _encryption(rule: Json) -> Json:
    made = {"ServerSideEncryptionByDefault": rule.get("ApplyServerSideEncryptionByDefault", {})}
    return made | {key: rule[key] for key in ("BucketKeyEnabled",) if key in rule}


def _lifecycle(rule: Json) -> Json:
    made: Json = {"Id": rule.get("ID"), "Status": rule["Status"]}
    scope = rule.get("Filter") or {}
    made["Prefix"] = scope.get("Prefix") or scope.get("And", {}).get("Prefix") or rule.get("Prefix", "")
    if scope.get("And", {}).get("Tags"):
        made["TagFilters"] = scope["And"]["Tags"]
    names = {
        "Days": "ExpirationInDays",
        "Date": "ExpirationDate",
        "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
    }
    made |= {names[key]: value for key, value in (rule.get("Expiration") or {}).items()}
    for key in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if key in rule:
            made[key] = rule[key]
    for key, days in (("Transitions", "Days"), ("NoncurrentVersionTransitions", "NoncurrentDays")):
        if key in rule:
            made[key] = [{**item, "TransitionInDays": item.get(days)} for item in rule[key]]
    return made


def _bucket_policy(clients: Any, identifier: str, own: Json) -> Deployed:
    document = clients("s3").get_bucket_policy(Bucket=own["Bucket"])["Policy"]
    return Deployed({"Bucket": own["Bucket"], "PolicyDocument": document})


def _parameter(clients: Any, name: str, own: Json) -> Deployed:
    ssm = clients("ssm")
    found = ssm.get_parameter(Name=name)["Parameter"]
    described = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"][0]
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    return Deployed({**described, **found, "Tags": tags}, {key: found[key] for key in ("Type", "Value")})


READERS: dict[str, Reader] = {
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SSM::Parameter": _parameter,
}

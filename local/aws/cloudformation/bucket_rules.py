"""AWS::S3::Bucket property values in the S3 API's spelling (the Template Reference names some members differently)."""

import uuid

from local.aws.cloudformation.registry import Json, ResourceError

_EXPIRATION = {
    "ExpirationInDays": "Days",
    "ExpirationDate": "Date",
    "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
}


def encryption(value: Json) -> Json:
    """BucketEncryption -> ServerSideEncryptionConfiguration."""
    return {
        "Rules": [
            {
                **{key: item for key, item in rule.items() if key != "ServerSideEncryptionByDefault"},
                **(
                    {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
                    if "ServerSideEncryptionByDefault" in rule
                    else {}
                ),
            }
            for rule in value["ServerSideEncryptionConfiguration"]
        ]
    }


def logging(value: Json) -> Json:
    """LoggingConfiguration -> BucketLoggingStatus."""
    enabled = {"TargetBucket": value["DestinationBucketName"], "TargetPrefix": value.get("LogFilePrefix", "")}
    if "TargetObjectKeyFormat" in value:
        enabled["TargetObjectKeyFormat"] = value["TargetObjectKeyFormat"]
    return {"LoggingEnabled": enabled}


def notification(value: Json) -> Json:
    """NotificationConfiguration: EventBridge only; queues, topics and functions are custom resources in our stacks."""
    unknown = set(value) - {"EventBridgeConfiguration"}
    if unknown:
        raise ResourceError(
            f"AWS::S3::Bucket NotificationConfiguration: the local AWS does not store {sorted(unknown)}"
        )
    return {"EventBridgeConfiguration": {}}


def lifecycle(value: Json) -> Json:
    """LifecycleConfiguration: filters, expirations and transitions in the API's form."""
    return {"Rules": [_rule(dict(rule)) for rule in value["Rules"]]}


def _rule(rule: Json) -> Json:
    made: Json = {"ID": rule.pop("Id", str(uuid.uuid4())), "Status": rule.pop("Status"), "Filter": _filter(rule)}
    expiration = {api: rule.pop(name) for name, api in _EXPIRATION.items() if name in rule}
    if expiration:
        made["Expiration"] = {key: _number(item) for key, item in expiration.items()}
    if "NoncurrentVersionExpirationInDays" in rule:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(rule.pop("NoncurrentVersionExpirationInDays"))}
    for key in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if key in rule:
            made[key] = {name: int(item) for name, item in rule.pop(key).items()}
    if "Transitions" in rule:
        made["Transitions"] = [_transition(item, "Days") for item in rule.pop("Transitions")]
    if "NoncurrentVersionTransitions" in rule:
        made["NoncurrentVersionTransitions"] = [
            _transition(item, "NoncurrentDays") for item in rule.pop("NoncurrentVersionTransitions")
        ]
    if rule:
        raise ResourceError(f"AWS::S3::Bucket lifecycle rule: the local AWS does not store {sorted(rule)}")
    return made


def _filter(rule: Json) -> Json:
    prefix, tags = rule.pop("Prefix", None), rule.pop("TagFilters", [])
    if tags:
        return {"And": {"Prefix": prefix or "", "Tags": tags}}
    return {"Prefix": prefix or ""}


def _transition(item: Json, days: str) -> Json:
    made = {"StorageClass": item["StorageClass"], days: int(item["TransitionInDays"])}
    if "NewerNoncurrentVersions" in item:
        made["NewerNoncurrentVersions"] = int(item["NewerNoncurrentVersions"])
    return made


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdigit() else value

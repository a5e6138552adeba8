"""AWS::S3::Bucket: every property stored in the form that the S3 API answers.

Source: AWS CloudFormation Template Reference, AWS::S3::Bucket; the XML documents are those of the Amazon S3 API
(PutBucketEncryption, …), written by botocore's own serialiser, which also refuses members it does not know.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from ministack.services import s3

from local.aws.cloudformation import bucket_rules as rules
from local.aws.cloudformation.registry import Json, ResourceError, after, checked, expect

_MODEL = botocore.session.get_session().get_service_model("s3")
_SERIALIZER = create_serializer("rest-xml", False)


@dataclass(frozen=True)
class _Part:
    """One property: the API operation and member that store it, how to respell it, and how it is taken away."""

    operation: str
    member: str
    respell: Callable[[Any], Json]
    put: Callable[[str, bytes], tuple]
    remove: Callable[[str], Any]


def _forget(store: Any) -> Callable[[str], Any]:
    return lambda name: store.pop(name, None)


_PARTS = {
    "BucketEncryption": _Part(
        "PutBucketEncryption",
        "ServerSideEncryptionConfiguration",
        rules.encryption,
        s3._put_bucket_encryption,
        _forget(s3._bucket_encryption),
    ),
    "LifecycleConfiguration": _Part(
        "PutBucketLifecycleConfiguration",
        "LifecycleConfiguration",
        rules.lifecycle,
        s3._put_bucket_lifecycle,
        _forget(s3._bucket_lifecycle),
    ),
    "LoggingConfiguration": _Part(
        "PutBucketLogging",
        "BucketLoggingStatus",
        rules.logging,
        s3._put_bucket_logging,
        _forget(s3._bucket_logging_config),
    ),
    "OwnershipControls": _Part(
        "PutBucketOwnershipControls",
        "OwnershipControls",
        lambda value: value,
        s3._put_bucket_ownership_controls,
        s3._delete_bucket_ownership_controls,
    ),
    "VersioningConfiguration": _Part(
        "PutBucketVersioning",
        "VersioningConfiguration",
        lambda value: value,
        s3._put_bucket_versioning,
        # Versioning can be suspended but never switched off again.
        lambda name: s3._bucket_versioning.__setitem__(name, "Suspended"),
    ),
    "NotificationConfiguration": _Part(
        "PutBucketNotificationConfiguration",
        "NotificationConfiguration",
        rules.notification,
        s3._put_bucket_notification,
        _forget(s3._bucket_notifications),
    ),
    "Tags": _Part(
        "PutBucketTagging", "Tagging", lambda value: {"TagSet": value}, s3._put_bucket_tagging, _forget(s3._bucket_tags)
    ),
    "ObjectLockConfiguration": _Part(
        "PutObjectLockConfiguration",
        "ObjectLockConfiguration",
        lambda value: value,
        s3._put_object_lock_configuration,
        _forget(s3._bucket_object_lock),
    ),
}
_STOCK = {
    "BucketName",
    "PublicAccessBlockConfiguration",
    "CorsConfiguration",
    "WebsiteConfiguration",
    "ObjectLockEnabled",
    "AccessControl",
}


def install() -> None:
    """Complete what ministack stores."""
    after("AWS::S3::Bucket", _complete)


def _complete(name: str, properties: Json, old: Json | None) -> Json:
    expect("AWS::S3::Bucket", properties, _STOCK | set(_PARTS))
    if str(properties.get("ObjectLockEnabled", "")).lower() == "true" and "ObjectLockConfiguration" not in properties:
        properties = {**properties, "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
    for key, part in _PARTS.items():
        if key in properties:
            checked(part.put(name, _document(part, part.respell(properties[key]))))
        elif old and key in old:
            part.remove(name)
    if properties.get("AccessControl", "Private") != "Private":  # a new bucket is private, with or without ACLs
        canned = "-".join(re.findall("[A-Z][a-z]+", properties["AccessControl"])).lower()
        checked(s3._put_bucket_acl(name, b"", {"x-amz-acl": canned}))
    return {"DualStackDomainName": f"{name}.s3.dualstack.amazonaws.com"}


def _document(part: _Part, value: Json) -> bytes:
    operation = _MODEL.operation_model(part.operation)
    parameters = {"Bucket": "bucket", part.member: value}
    report = ParamValidator().validate(parameters, operation.input_shape)
    if report.has_errors():
        raise ResourceError(f"AWS::S3::Bucket {part.member}: {report.generate_report()}")
    body = _SERIALIZER.serialize_to_request(parameters, operation)["body"]
    return body if isinstance(body, bytes) else str(body).encode()

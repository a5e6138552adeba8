"""Documents of a planner, such as the plan of a fan-out: each stored once, under the hash of its content."""

from __future__ import annotations

import hashlib

# 409: another process writes it at this moment, and it is the same.
_THERE = ("PreconditionFailed", "412", "ConditionalRequestConflict")


def write_document(bucket: str, folder: str, body: str) -> str:
    """Store the JSON text `body` as `<folder>/<SHA-256>.json`; returns its URI. Written again, it stays as it is."""
    import boto3  # here, not above: DAG files are parsed without it
    from botocore.exceptions import ClientError

    content = body.encode()
    key = f"{folder}/{hashlib.sha256(content).hexdigest()}.json"
    try:
        boto3.client("s3").put_object(
            Bucket=bucket, Key=key, Body=content, ContentType="application/json", IfNoneMatch="*"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in _THERE:
            raise
    return f"s3://{bucket}/{key}"

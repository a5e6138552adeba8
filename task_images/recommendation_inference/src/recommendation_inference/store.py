"""The data bucket: whole objects in, objects written once out. S3 puts an object whole or not at all."""

from __future__ import annotations

import boto3
from botocore.exceptions import ClientError

from recommendation_inference.errors import BadInput


def split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise BadInput(f"{uri}: not an object URI; use s3://<bucket>/<key>")
    return bucket, key


def read(uri: str) -> bytes | None:
    """None where there is no such object (the right to list lets S3 say so)."""
    bucket, key = split(uri)
    try:
        return bytes(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise


def write(uri: str, body: bytes, *, once: bool) -> None:
    """With `once`, an object that is there already stays as it is."""
    bucket, key = split(uri)
    try:
        condition = {"IfNoneMatch": "*"} if once else {}
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise  # ConditionalRequestConflict too: another writer is at it, and may yet fail

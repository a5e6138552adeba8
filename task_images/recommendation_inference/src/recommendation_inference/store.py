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
    """None where there is no such object. Listed first: where the right to list ends at a prefix, S3 would say 403."""
    bucket, key = split(uri)
    client = boto3.client("s3")
    listed = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    if [stored["Key"] for stored in listed] != [key]:
        return None
    return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())


def there(uri: str, fix: str) -> bytes:
    """The object's content. Raises BadInput, with what to do, where there is none."""
    body = read(uri)
    if body is None:
        raise BadInput(f"no object at {uri}; {fix}")
    return body


def write(uri: str, body: bytes, *, once: bool) -> None:
    """With `once`, an object that is there already stays as it is."""
    bucket, key = split(uri)
    try:
        condition = {"IfNoneMatch": "*"} if once else {}
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise  # ConditionalRequestConflict too: another writer is at it, and may yet fail

"""The data bucket: files of a source as they were listed, and objects written once.

S3 puts an object whole or not at all, so one that is there is whole; one that is written conditionally stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from recommendation.errors import BadInput, SourceMoved


def split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise BadInput(f"{uri}: not an object URI; use s3://<bucket>/<prefix>")
    return bucket, key


def parquet_files(prefix: str) -> list[tuple[str, str, int]]:
    """(key, ETag, bytes) of the Parquet objects below `prefix`, by key."""
    bucket, start = split(prefix)
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start)
    found = [(o["Key"], o["ETag"], o["Size"]) for page in pages for o in page.get("Contents", [])]
    return sorted(stored for stored in found if stored[0].endswith(".parquet"))


def state_of(files: list[tuple[str, str, int]]) -> str:
    """It changes when an object is added, replaced or removed."""
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()


def download(prefix: str, files: list[tuple[str, str, int]], folder: Path) -> list[Path]:
    """Local copies, named like the objects; each is the version that was listed, else SourceMoved."""
    bucket, _ = split(prefix)
    client, paths = boto3.client("s3"), []
    for number, (key, etag, _) in enumerate(files):
        paths.append(folder / f"{number:06d}" / key.rsplit("/", 1)[-1])
        paths[-1].parent.mkdir()
        try:
            with client.get_object(Bucket=bucket, Key=key, IfMatch=etag)["Body"] as body, paths[-1].open("wb") as copy:
                shutil.copyfileobj(body, copy, 1024 * 1024)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"PreconditionFailed", "412", "404", "NoSuchKey"}:
                raise SourceMoved(f"s3://{bucket}/{key} changed while it was read: try again") from error
            raise
    return paths


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


def write_once(uri: str, body: bytes) -> bool:
    """False where the object was there already: it stays as it is."""
    bucket, key = split(uri)
    try:
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] == "PreconditionFailed":
            return False
        raise  # ConditionalRequestConflict too: another writer is at it, and may yet fail
    return True


def write_result(uri: str, document: dict[str, Any]) -> None:
    bucket, key = split(uri)
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(document, sort_keys=True).encode())

"""The objects of a source, and results written once."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import ClientError

from daily_transform.errors import BadInput, SourceMoved


class StoredObject(NamedTuple):
    key: str
    etag: str
    bytes: int


def split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise BadInput(f"{uri}: not an object URI; use s3://<bucket>/<prefix>/")
    return bucket, key


def parquet_files(source: str) -> list[StoredObject]:
    """The Parquet objects below `source`, by name. Raises BadInput when there are none."""
    bucket, prefix = split(source)
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = [StoredObject(o["Key"], o["ETag"], o["Size"]) for page in pages for o in page.get("Contents", [])]
    files = [stored for stored in found if stored.key.endswith(".parquet")]
    if not files:
        raise BadInput(f"no *.parquet under {source}; upload some, or name another source")
    return sorted(files)


def fingerprint(files: Sequence[StoredObject]) -> str:
    """The state of a source: it changes when an object is added, replaced or removed. The DAG computes the same."""
    return hashlib.sha256(json.dumps([list(stored) for stored in sorted(files)]).encode()).hexdigest()


def download(source: str, files: Sequence[StoredObject], folder: Path) -> list[Path]:
    """Local copies, named like the objects; each is the version that was listed (If-Match), else SourceMoved."""
    bucket, _ = split(source)
    client, paths = boto3.client("s3"), []
    for number, stored in enumerate(files):
        paths.append(folder / f"{number:06d}" / stored.key.rsplit("/", 1)[-1])
        paths[-1].parent.mkdir()
        try:
            body = client.get_object(Bucket=bucket, Key=stored.key, IfMatch=stored.etag)["Body"]
            with body, paths[-1].open("wb") as local:
                shutil.copyfileobj(body, local, 1024 * 1024)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"PreconditionFailed", "412", "404", "NoSuchKey"}:
                raise SourceMoved(f"s3://{bucket}/{stored.key} changed while it was read: try again") from error
            raise
    return paths


def upload(path: Path, uri: str) -> None:
    boto3.client("s3").upload_file(str(path), *split(uri))


def read_json(uri: str) -> dict[str, Any] | None:
    """None where there is no such object. Listed first: where the right to list ends at a prefix, S3 would say 403."""
    bucket, key = split(uri)
    client = boto3.client("s3")
    listed = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    if [stored["Key"] for stored in listed] != [key]:
        return None
    return dict(json.loads(client.get_object(Bucket=bucket, Key=key)["Body"].read()))


def write_json(uri: str, document: dict[str, Any], **condition: str) -> bool:
    """False when `condition` (IfNoneMatch="*") finds the object there already."""
    bucket, key = split(uri)
    body = json.dumps(document, indent=1, sort_keys=True).encode()
    try:
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] == "PreconditionFailed":
            return False
        raise  # ConditionalRequestConflict too: another writer is at it, and may yet fail
    return True

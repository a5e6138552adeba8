"""The event files of a state, and results written once."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from related_articles.errors import BadInput, SourceMoved


def split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise BadInput(f"{uri}: not an object URI; use s3://<bucket>/<prefix>/")
    return bucket, key


def parquet_files(prefix: str) -> list[list[Any]]:
    """[key, ETag, bytes] of the Parquet objects below `prefix`, by key. Raises BadInput when there are none."""
    bucket, start = split(prefix)
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start)
    found = sorted([o["Key"], o["ETag"], o["Size"]] for page in pages for o in page.get("Contents", []))
    files = [stored for stored in found if stored[0].endswith(".parquet")]
    if not files:
        raise BadInput(f"no *.parquet under {prefix}; upload the events, or name another prefix")
    return files


def name_of_set(files: list[list[Any]], output: str, top: int) -> str:
    """Another one for other events, another `top` or another result_version (part of `output`): what is made otherwise
    is another set, and goes live."""
    return hashlib.sha256(json.dumps([files, output, top]).encode()).hexdigest()


def download(prefix: str, files: list[list[Any]], folder: Path) -> list[Path]:
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


def read_json(uri: str) -> dict[str, Any] | None:
    """None where there is no such object. Listed first: where the right to list ends at a prefix, S3 would say 403."""
    bucket, key = split(uri)
    client = boto3.client("s3")
    listed = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    if [stored["Key"] for stored in listed] != [key]:
        return None
    return dict(json.loads(client.get_object(Bucket=bucket, Key=key)["Body"].read()))


def upload(path: Path, uri: str) -> None:
    boto3.client("s3").upload_file(str(path), *split(uri))


def write_json(uri: str, document: dict[str, Any], **condition: str) -> None:
    """With `IfNoneMatch="*"`, an object that is there already stays as it is."""
    bucket, key = split(uri)
    body = json.dumps(document, indent=1, sort_keys=True).encode()
    try:
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise  # ConditionalRequestConflict too: another writer is at it, and may yet fail


def line(article: str, related: list[tuple[str, float]]) -> bytes:
    """NDJSON: {"article": "a17", "related": [["a3", 0.81], …]}."""
    record = {"article": article, "related": related}
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"

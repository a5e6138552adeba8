"""The event files of a state, and results written once."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from related_articles.errors import BadInput


def split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise BadInput(f"{uri}: not an object URI; use s3://<bucket>/<prefix>/")
    return bucket, key


def fetch(prefix: str, folder: Path) -> tuple[list[Path], str]:
    """Local copies of the Parquet files below `prefix`, and the state of the source (as lanes/sources computes it)."""
    bucket, start = split(prefix)
    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start)
    found = sorted([o["Key"], o["ETag"], o["Size"]] for page in pages for o in page.get("Contents", []))
    files = [stored for stored in found if stored[0].endswith(".parquet")]
    if not files:
        raise BadInput(f"no *.parquet under {prefix}; upload the events, or name another prefix")
    paths = []
    for number, (key, etag, _) in enumerate(files):
        paths.append(folder / f"{number:06d}.parquet")
        try:
            with client.get_object(Bucket=bucket, Key=key, IfMatch=etag)["Body"] as body, paths[-1].open("wb") as copy:
                shutil.copyfileobj(body, copy, 1024 * 1024)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"PreconditionFailed", "412", "404", "NoSuchKey"}:
                raise BadInput(f"s3://{bucket}/{key} changed while it was read; clear the task") from error
            raise
    return paths, hashlib.sha256(json.dumps(files).encode()).hexdigest()


def upload(path: Path, uri: str) -> None:
    boto3.client("s3").upload_file(str(path), *split(uri))


def write_json(uri: str, document: dict[str, Any], **condition: str) -> None:
    """With `IfNoneMatch="*"`, an object that is there already stays as it is."""
    bucket, key = split(uri)
    body = json.dumps(document, indent=1, sort_keys=True).encode()
    try:
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"PreconditionFailed", "ConditionalRequestConflict"}:
            raise


def lines(documents: Iterator[tuple[str, list[tuple[str, float]]]]) -> Iterator[bytes]:
    """NDJSON: {"article": "a17", "related": [["a3", 0.81], …]}."""
    for article, related in documents:
        record = {"article": article, "related": related}
        yield json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"

"""The plan of a fan-out, read from S3 under the web server's role and kept: a manifest never changes."""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import Any

log = logging.getLogger(__name__)

ITEMS_SHOWN = 500


def planned_batches(uri: str) -> dict[int, dict[str, Any]]:
    """Batches by index; {} where the web server may not read the plan: the page works without."""
    try:
        return {batch["index"]: batch for batch in _manifest(uri)["batches"]}
    except Exception as error:  # noqa: BLE001 (whatever is wrong with S3, the states are still worth showing)
        log.warning("fan-out manifest %s is not readable here: %s: %s", uri, type(error).__name__, error)
        return {}


def items_of(uri: str, index: int) -> list[dict[str, Any]]:
    """Key, bytes, problem and result of the items of one batch, at most ITEMS_SHOWN."""
    shown = ("key", "bytes", "problem", "result")
    items = [item for item in _manifest(uri)["items"] if item["batch"] == index]
    return [{name: item.get(name) for name in shown} for item in items[:ITEMS_SHOWN]]


@lru_cache(maxsize=16)
def _manifest(uri: str) -> dict[str, Any]:
    import boto3

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return dict(json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()))

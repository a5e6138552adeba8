"""One batch per point of a grid. Reads and writes S3; returns only the URI of the plan.

boto3 is imported inside the functions: DAG files are parsed without it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from itertools import product

from lanes import write_document
from platform_spec.fan_out import FanOutManifest, Item, Limits, plan

log = logging.getLogger(__name__)


def plan_points(dag_id: str, prepared: str, factors: Sequence[int], regularization: Sequence[float]) -> str:
    """The plan for the interactions that the result document `prepared` names. A point with a result gets no batch."""
    import boto3

    bucket, _, key = prepared.removeprefix("s3://").partition("/")
    client = boto3.client("s3")
    folder = json.loads(client.get_object(Bucket=bucket, Key=key)["Body"].read())["outputs"]["folder"]
    prefix = f"{folder.removeprefix(f's3://{bucket}/')}/points/"
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    present = {f"s3://{bucket}/{stored['Key']}" for page in pages for stored in page.get("Contents", [])}
    planned = points(dag_id, folder, factors, regularization, present)
    uri = write_document(bucket, f"fanout/{dag_id}", planned.to_json())
    log.info("%d points, %d without a result; %s", len(planned.items), len(planned.batches), uri)
    return uri


def points(
    dag_id: str, folder: str, factors: Sequence[int], regularization: Sequence[float], present: set[str]
) -> FanOutManifest:
    """Pure. A point's name is its settings; its result lies beside the interactions, under the hash of its name."""
    named = {
        f"factors={number} regularization={float(share):g}": number
        for number, share in product(factors, regularization)
    }
    # What a point takes grows with its factors, whatever the bytes that it reads: the longest begin first.
    items = [
        Item(key=name, bytes=0, weight=number, result=f"{folder}/points/{hashlib.sha256(name.encode()).hexdigest()}")
        for name, number in named.items()
    ]
    done = frozenset(item.key for item in items if f"{item.result}.json" in present)
    return plan(dag_id, items, done=done, limits=Limits(batch_items=1), parameters={"folder": folder})

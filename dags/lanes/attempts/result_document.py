"""The result document that a container leaves in S3: what the Airflow task passes on, by its URI."""

from __future__ import annotations

import json
from typing import Any

from lanes.attempts.failures import Failure, Kind
from lanes.aws.calls import AwsCalls, CallRefused

LARGEST_BYTES = 1024 * 1024  # it describes results; the results themselves lie beside it


async def read_result(calls: AwsCalls, uri: str) -> dict[str, Any] | Failure:
    """The JSON object at `uri`; else the failure to report."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        answer = await calls.call("s3", "get_object", Bucket=bucket, Key=key)
    except CallRefused as refused:
        # Without the right to list, S3 says AccessDenied for an object that does not exist.
        return Failure(Kind.RESULT, f"no result document at {uri}, or not readable ({refused.failure.reason})", 0)
    if answer["ContentLength"] > LARGEST_BYTES:
        return Failure(Kind.RESULT, f"{uri} has {answer['ContentLength']} bytes, at most {LARGEST_BYTES} allowed", 0)
    try:
        document = json.loads(answer["Body"].read())
    except ValueError as error:
        return Failure(Kind.RESULT, f"{uri} is not JSON: {error}", 0)
    if not isinstance(document, dict):
        return Failure(Kind.RESULT, f"{uri} holds a JSON {type(document).__name__}, not an object", 0)
    return document

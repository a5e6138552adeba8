"""The batches of the engine `array`: from the document that its trigger writes, and the logs of their jobs."""

from __future__ import annotations

import json
from typing import Any

from fastapi import HTTPException

from tasklane_pages import array_view
from tasklane_pages.manifests import planned_batches

LINES_SHOWN = 60
_MISSING = ("NoSuchKey", "AccessDenied", "404", "403")


def batches(info: dict[str, Any]) -> list[dict[str, Any]]:
    """One entry per batch; `info` is what the waiting task has published (ArrayFanOut)."""
    planned = planned_batches(info["manifest"])
    return array_view.batch_views(
        _document(info["document"]), info["batches"], planned, quarantine=info.get("quarantine", True)
    )


def log_tail(info: dict[str, Any], index: int) -> str:
    """The last lines of the batch's last container. HTTPException says why there are none."""
    import boto3

    document = _document(info["document"])
    job_id = array_view.child_of(document, index) if document else None
    if job_id is None:
        raise HTTPException(404, f"batch {index} has not been submitted yet")
    jobs = boto3.client("batch", region_name=info["region"]).describe_jobs(jobs=[job_id])["jobs"]
    stream = jobs[0].get("container", {}).get("logStreamName") if jobs else None
    if not stream:
        raise HTTPException(404, f"job {job_id} has no log (yet, or any more)")
    found = boto3.client("logs", region_name=info["region"]).filter_log_events(
        logGroupName=info["log_group"], logStreamNames=[stream]
    )
    return "\n".join(event["message"] for event in found["events"][-LINES_SHOWN:])


def _document(uri: str) -> dict[str, Any] | None:
    """None before the trigger has written it."""
    import boto3
    from botocore.exceptions import ClientError

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        return dict(json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()))
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise

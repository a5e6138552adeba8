"""The task-definition revision that an earlier task has registered for the newest image."""

from __future__ import annotations

import json

from lanes.attempts.launch import LaunchError
from platform_spec.manifest import TaskEntry


def registered_revision(uri: str, lane: TaskEntry) -> str:
    """The ARN in the result document at `uri` (outputs.task_definition). Raises LaunchError unless it is of the lane.

    Only a revision of `<family>-newest` in the account and Region of the lane's own definition is taken.
    """
    import boto3  # here, not above: DAG files are parsed without it

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    arn = str(json.loads(body).get("outputs", {}).get("task_definition", ""))
    stem = lane.task_definition_arn.rsplit(":", 1)[0]
    if arn.rsplit(":", 1)[0] != f"{stem}-newest":
        raise LaunchError(f"{uri} names {arn!r}, which is no revision of {lane.family}-newest")
    return arn

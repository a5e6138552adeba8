"""A session of a task's own role, taken on by the worker for the task's program."""

from __future__ import annotations

import re
from typing import Any

from lanes.attempts.identity import Attempt

# The longest session of a role that was taken on by another role (IAM user guide, "role chaining").
SESSION_SECONDS = 3600
_NOT_IN_NAMES = re.compile(r"[^\w+=,.@-]", re.ASCII)


def take_on(role_arn: str, region: str, attempt: Attempt) -> dict[str, Any]:
    """The credentials of a session, as AssumeRole gives them. Its name tells CloudTrail the task and its attempt."""
    import boto3

    name = _NOT_IN_NAMES.sub("-", f"{attempt.task_id[:26]}-{attempt.attempt_id}")[:64]
    answer = boto3.client("sts", region_name=region).assume_role(
        RoleArn=role_arn, RoleSessionName=name, DurationSeconds=SESSION_SECONDS
    )
    return dict(answer["Credentials"])

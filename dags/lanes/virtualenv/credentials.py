"""The program acts with the task's own role, not with the worker's: the worker takes the role on for it."""

from __future__ import annotations

import re

from lanes.attempts.identity import Attempt

# The longest session of a role that was taken on by another role (IAM user guide, "role chaining").
SESSION_SECONDS = 3600
_NOT_IN_NAMES = re.compile(r"[^\w+=,.@-]", re.ASCII)


def session_variables(role_arn: str, region: str, attempt: Attempt) -> dict[str, str]:
    """Credentials as the AWS SDKs read them. The session's name tells CloudTrail the task and its attempt."""
    import boto3

    name = _NOT_IN_NAMES.sub("-", f"{attempt.task_id[:26]}-{attempt.attempt_id}")[:64]
    given = boto3.client("sts", region_name=region).assume_role(
        RoleArn=role_arn, RoleSessionName=name, DurationSeconds=SESSION_SECONDS
    )["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }

"""The program acts with the task's own role, not with the worker's: the worker takes the role on for it."""

from __future__ import annotations

from lanes.attempts.identity import Attempt
from lanes.aws.task_session import take_on


def session_variables(role_arn: str, region: str, attempt: Attempt) -> dict[str, str]:
    """Credentials as the AWS SDKs read them."""
    given = take_on(role_arn, region, attempt)
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }

"""ARNs of Batch resources, and what a request means by a name (Batch API and Service Authorization References)."""

import re

from ministack.core.responses import get_account_id, get_region

from local.aws.batch.errors import BatchError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


def arn(kind: str, name: str) -> str:
    """kind: compute-environment, job-queue, job-definition, job; in the account and Region of the request."""
    return f"arn:aws:batch:{get_region()}:{get_account_id()}:{kind}/{name}"


def name_of(reference: str) -> str:
    """`arn:…:job-queue/x` and `x` both mean x."""
    return reference.rsplit("/", 1)[-1] if reference.startswith("arn:") else reference


def checked(name: object, member: str) -> str:
    """The name of a new resource. Raises BatchError for one that Batch refuses."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BatchError(
            f"Error executing request, Exception : {member} should match valid pattern: "
            "up to 128 letters, numbers, hyphens and underscores, the first a letter or number."
        )
    return name

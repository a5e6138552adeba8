"""What the end of a job means. Pure.

Texts are those of the AWS Batch user guide ("Troubleshooting", "Automated job retries", "Job queue blocked events") and
of the ECS developer guide, whose tasks the jobs are.
"""

from __future__ import annotations

from typing import Any

from lanes.attempts.failures import (
    EXIT_BAD_INPUT,
    EXIT_KILLED,
    Failure,
    Kind,
    is_host_gone,
    kind_of_start,
    stopped_by_us,
)
from lanes.attempts.identity import OURS

_TIMED_OUT = "Job attempt duration exceeded timeout"
_SPOT = "Your Spot Task was interrupted"
_MISCONFIGURED = "MISCONFIGURATION:"
_NO_CAPACITY = "CAPACITY:"


def of_job(job: dict[str, Any], attempt_id: str) -> Failure | None:
    """The verdict on a job that ended, as DescribeJobs or ListJobs gives it; None is success."""
    if job["status"] == "SUCCEEDED":
        return None
    container: dict[str, Any] = job.get("container") or {}
    exit_code, status_reason = container.get("exitCode"), job.get("statusReason") or ""
    reason = "; ".join(text for text in (status_reason, container.get("reason")) if text) or "no reason given"
    if status_reason.startswith(f"{OURS} "):
        return stopped_by_us(status_reason, attempt_id, exit_code)
    if _SPOT in reason or is_host_gone(reason):
        return Failure(Kind.SPOT, reason, exit_code)
    if _TIMED_OUT in reason:
        return Failure(Kind.TIMEOUT, reason, exit_code)
    if job.get("isTerminated") or job.get("isCancelled"):
        return Failure(Kind.STOPPED, f"stopped by a person or another program: {reason}", exit_code)
    if "OutOfMemory" in reason or exit_code == EXIT_KILLED:
        return Failure(Kind.MEMORY, reason, exit_code)
    if exit_code is None:
        return Failure(_kind_before_start(reason), reason)
    return Failure(Kind.INPUT if exit_code == EXIT_BAD_INPUT else Kind.ERROR, reason, exit_code)


def is_stuck(job: dict[str, Any]) -> Failure | None:
    """A job that waits in its queue for what will never come: Batch says so in its reason."""
    reason = waits_for(job)
    if reason.startswith(_MISCONFIGURED):
        return Failure(Kind.REFUSED, f"AWS Batch can never start the job: {reason}")
    return None


def waits_for(job: dict[str, Any]) -> str:
    """What Batch says of a job that blocks its queue (no capacity, a mistake in its environment); else nothing."""
    return str(job.get("statusReason") or "") if job["status"] == "RUNNABLE" else ""


def _kind_before_start(reason: str) -> Kind:
    if _MISCONFIGURED in reason:
        return Kind.REFUSED
    return Kind.CAPACITY if _NO_CAPACITY in reason else kind_of_start(reason)

"""Names and labels of pods: the API server refuses a second pod of one name, so no launch is started twice."""

from __future__ import annotations

from lanes.attempts.identity import OURS, Attempt

ENVIRONMENT_LABEL = f"{OURS}/environment"
TASK_LABEL = f"{OURS}/task-instance"
# As ECS keeps `stoppedReason`: who finds the pod while it ends, or after, knows why.
STOPPED_REASON = f"{OURS}/stopped-reason"


def pod_name(attempt: Attempt, launch: int) -> str:
    """At most 63 small letters, digits and hyphens: it is the pod's host name too."""
    return f"{OURS}-{attempt.client_token(launch)[:40]}"


def labels(environment: str, attempt: Attempt) -> dict[str, str]:
    """Values of at most 63 letters, digits, hyphens, underscores and dots."""
    instance = attempt.started_by.rpartition("/")[2]
    return {"app.kubernetes.io/managed-by": OURS, ENVIRONMENT_LABEL: environment, TASK_LABEL: instance}


def stopped_because(reason: str) -> dict[str, dict[str, dict[str, str]]]:
    """The change to a pod that is about to be deleted."""
    return {"metadata": {"annotations": {STOPPED_REASON: reason}}}


def selector(environment: str, attempt: Attempt | None = None) -> str:
    """The pods of a task instance, or all of a deployment."""
    wanted = {ENVIRONMENT_LABEL: environment}
    if attempt:
        wanted[TASK_LABEL] = labels(environment, attempt)[TASK_LABEL]
    return ",".join(f"{name}={value}" for name, value in wanted.items())

"""Names and labels: how a container is found again, by whatever process looks for it.

The engine refuses a second container of one name: that is what keeps a launch from being started twice.
"""

from __future__ import annotations

from lanes.attempts.identity import OURS, Attempt

# Of which deployment the container is: several may share an engine.
ENVIRONMENT_LABEL = f"{OURS}.environment"
# Of which task instance it is, whatever the attempt.
TASK_LABEL = f"{OURS}.task"


def container_name(environment: str, attempt: Attempt, launch: int) -> str:
    return f"{OURS}-{environment}-{attempt.client_token(launch)[:40]}"


def labels(environment: str, attempt: Attempt) -> dict[str, str]:
    return {ENVIRONMENT_LABEL: environment, TASK_LABEL: attempt.started_by}


def filters(environment: str, attempt: Attempt | None = None) -> dict[str, list[str]]:
    """To list containers by: those of a task instance, or all of a deployment."""
    wanted = labels(environment, attempt) if attempt else {ENVIRONMENT_LABEL: environment}
    return {"label": [f"{name}={value}" for name, value in wanted.items()]}

"""Tasks whose containers neither ECS nor Batch starts (lanes `docker` and `kubernetes`): what they may not ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from platform_spec.loading import Finding

if TYPE_CHECKING:
    from platform_spec.environments import Environment
    from platform_spec.lanes import Lane
    from platform_spec.naming import Names
    from platform_spec.tasks import Task


def task_findings(task: Task) -> Iterator[Finding]:
    on_fargate = 'remove it, or set lane = "fargate"'
    if task.access.secrets:
        what = f"lane {task.lane} injects no secrets: no agent of AWS starts its containers"
        yield Finding("access.secrets", task.access.secrets, what, "none", on_fargate)
    if task.spot:
        what = f"lane {task.lane} has no Spot capacity of AWS to choose"
        yield Finding("spot", True, what, "false", on_fargate)


def offers(environment: Environment, lane: Lane) -> bool:
    """Whether tasks of `lane` can run there: the environment file has the lane's table."""
    return {"docker": environment.docker, "kubernetes": environment.kubernetes}.get(lane) is not None


def variables(task: Task, names: Names) -> dict[str, str]:
    """What the program is told in every call: `TASKLANE_TABLE_RELATED_ARTICLES`, the table in this environment."""
    return {f"TASKLANE_TABLE_{table.upper()}": names.table(table) for table in task.access.tables}

"""What a task on Airflow's own workers (lane `virtualenv`) may not ask for: it shares the worker with Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from platform_spec.loading import Finding
from platform_spec.virtualenvs import ARCHITECTURE

if TYPE_CHECKING:
    from platform_spec.tasks import Task

# The session of a role that is taken on by another role ends after an hour (IAM user guide, "role chaining").
MOST_MINUTES = 60


def worker_findings(task: Task) -> Iterator[Finding]:
    heavier = 'remove it, or give the task a lane of its own: lane = "fargate"'
    if task.sizes:
        what = f"lane {task.lane} has no sizes: it runs on Airflow's workers"
        yield Finding("sizes", ", ".join(task.sizes), what, "no table [sizes]", heavier)
    if task.spot:
        yield Finding("spot", True, f"lane {task.lane} starts no machine", "false", heavier)
    if task.access.secrets:
        what = f"lane {task.lane} injects no secrets"
        yield Finding("access.secrets", task.access.secrets, what, "none", heavier)
    if task.timeout_minutes > MOST_MINUTES:
        what, allowed = "its role's session ends after an hour", f"1 to {MOST_MINUTES}"
        yield Finding("timeout_minutes", task.timeout_minutes, what, allowed, heavier)
    if task.architecture != ARCHITECTURE:
        what, fix = "no architecture of MWAA's workers", f'set architecture = "{ARCHITECTURE}"'
        yield Finding("architecture", task.architecture, what, ARCHITECTURE, fix)

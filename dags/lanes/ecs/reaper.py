"""What the reaper sees of ECS: the tasks of ours that run on a cluster, or have ended there lately."""

from __future__ import annotations

from typing import Any

from lanes.attempts.identity import OURS
from lanes.attempts.reaper import Container, told
from lanes.attempts.stuck import Ended

TASKS_PER_CALL = 100  # limit of DescribeTasks


def running_containers(ecs: Any, cluster: str) -> list[Container]:
    """All running containers of lanes on the cluster."""
    return [container for task in _tasks(ecs, cluster, "RUNNING") if (container := _container(task))]


def ended_containers(ecs: Any, cluster: str) -> list[Ended]:
    """Containers of lanes that stopped within the last hour or so: ECS forgets them then."""
    return [
        Ended(container, task["stoppedAt"])
        for task in _tasks(ecs, cluster, "STOPPED")
        if task.get("stoppedAt") and (container := _container(task))
    ]


def _tasks(ecs: Any, cluster: str, status: str) -> list[dict[str, Any]]:
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus=status)
    arns = [arn for page in pages for arn in page["taskArns"]]
    found: list[dict[str, Any]] = []
    for start in range(0, len(arns), TASKS_PER_CALL):
        found += ecs.describe_tasks(cluster=cluster, tasks=arns[start : start + TASKS_PER_CALL])["tasks"]
    return found


def _container(task: dict[str, Any]) -> Container | None:
    if not task.get("startedBy", "").startswith(f"{OURS}/"):
        return None
    overrides = task.get("overrides", {}).get("containerOverrides", [])
    environment = {pair["name"]: pair["value"] for override in overrides for pair in override.get("environment", [])}
    return told(task["taskArn"], environment, task["createdAt"])

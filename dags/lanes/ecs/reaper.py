"""What the reaper sees of ECS: the tasks of ours that run on a cluster."""

from __future__ import annotations

from typing import Any

from lanes.attempts.identity import OURS
from lanes.attempts.reaper import Container, told

TASKS_PER_CALL = 100  # limit of DescribeTasks


def running_containers(ecs: Any, cluster: str) -> list[Container]:
    """All running containers of lanes on the cluster."""
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus="RUNNING")
    arns = [arn for page in pages for arn in page["taskArns"]]
    found = []
    for start in range(0, len(arns), TASKS_PER_CALL):
        answer = ecs.describe_tasks(cluster=cluster, tasks=arns[start : start + TASKS_PER_CALL])
        found += [container for task in answer["tasks"] if (container := _container(task))]
    return found


def _container(task: dict[str, Any]) -> Container | None:
    if not task.get("startedBy", "").startswith(f"{OURS}/"):
        return None
    overrides = task.get("overrides", {}).get("containerOverrides", [])
    environment = {pair["name"]: pair["value"] for override in overrides for pair in override.get("environment", [])}
    return told(task["taskArn"], environment, task["createdAt"])

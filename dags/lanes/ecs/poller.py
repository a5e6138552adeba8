"""Descriptions of ECS tasks, for all attempts on a cluster."""

from __future__ import annotations

from lanes.aws.calls import AwsCalls
from lanes.aws.poller import Description, Poller


class EcsPoller(Poller):
    budget = "describe_tasks"

    def __init__(self, calls: AwsCalls, cluster: str) -> None:
        super().__init__(calls)
        self._cluster = cluster

    async def _describe(self, arns: list[str]) -> dict[str, Description | None]:
        """Neither task nor failure: an empty answer is no answer (seen under throttling)."""
        answer = await self._calls.call("ecs", "describe_tasks", paid=True, cluster=self._cluster, tasks=arns)
        missing: dict[str, Description | None] = {failure.get("arn"): None for failure in answer.get("failures", [])}
        return missing | {task["taskArn"]: task for task in answer.get("tasks", [])}

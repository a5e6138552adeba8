"""An attempt's way to its ECS tasks: RunTask, ListTasks, DescribeTasks, StopTask."""

from __future__ import annotations

import asyncio
import time

from lanes.attempts.engine import Seen
from lanes.attempts.failures import Failure, Kind, of_run_task, of_stopped
from lanes.attempts.steps import Found, Step
from lanes.aws.calls import AwsCalls, CallRefused
from lanes.aws.poller import Description
from lanes.ecs.launch import EcsLaunch
from lanes.ecs.poller import EcsPoller

# ECS remembers a clientToken for 24 hours: until then the same request starts nothing twice without a look-up.
TOKEN_TRUSTED_SECONDS = 12 * 3600.0
# For an instance to come and an image to be pulled: a task that no instance can hold stays PROVISIONING for ever.
START_PATIENCE_SECONDS = 3600.0


class EcsEngine:
    """`prepared_at` is when the worker made the request, in seconds since 1970."""

    def __init__(self, launch: EcsLaunch, calls: AwsCalls, poller: EcsPoller, prepared_at: float = 0.0) -> None:
        self._launch = launch
        self.calls = calls
        self.poller = poller
        self._prepared_at = prepared_at
        self._first_seen: dict[str, float] = {}

    @property
    def look_first(self) -> bool:
        return time.time() - self._prepared_at > TOKEN_TRUSTED_SECONDS or self._launch.attempt.try_number > 1

    async def find(self) -> list[Found]:
        arns: list[str] = []
        for status in ("RUNNING", "STOPPED"):
            answer = await self.calls.call(
                "ecs", "list_tasks", cluster=self._launch.cluster,
                startedBy=self._launch.attempt.started_by, desiredStatus=status,
            )  # fmt: skip
            arns += answer["taskArns"]
        described = await asyncio.gather(*(self.poller.next(arn) for arn in arns))
        return [self._found(task) for task in described if task]

    async def start(self, step: Step) -> str:
        request = self._launch.request(step.number, self._launch.sizes[step.size], spot=step.spot)
        try:
            answer = await self.calls.call("ecs", "run_task", **request)
        except CallRefused as refused:
            if arns := refused.already_started:
                return arns[0]
            raise
        if answer.get("tasks"):
            return str(answer["tasks"][0]["taskArn"])
        raise CallRefused(of_run_task(answer.get("failures", [])))

    def read(self, description: Description) -> Seen:
        ended, arn = description["lastStatus"] == "STOPPED", description["taskArn"]
        return Seen(
            arn=arn,
            status=description["lastStatus"],
            ended=ended,
            failure=of_stopped(description, self._launch.container, self._launch.attempt.attempt_id) if ended else None,
            # Before the start there is no stream.
            log_stream=self._launch.log_stream(arn) if description.get("startedAt") else None,
            created_at=description.get("createdAt"),
            started_at=description.get("startedAt"),
            stopped_at=description.get("stoppedAt"),
            billed_from=description.get("pullStartedAt"),
            stuck=None if ended or description.get("startedAt") else self._stuck(arn),
        )

    def _stuck(self, arn: str) -> Failure | None:
        now = time.monotonic()
        if now - self._first_seen.setdefault(arn, now) < START_PATIENCE_SECONDS:
            return None
        return Failure(Kind.TIMEOUT, f"not started within {START_PATIENCE_SECONDS:.0f} s")

    async def stop(self, arn: str, reason: str) -> None:
        await self.calls.call("ecs", "stop_task", cluster=self._launch.cluster, task=arn, reason=reason)

    def _found(self, task: Description) -> Found:
        cpu_memory = (task.get("cpu"), task.get("memory"))
        sizes = [(str(size.cpu_units), str(size.memory_mib)) for size in self._launch.sizes]
        exit_codes = [c.get("exitCode") for c in task.get("containers", []) if c.get("name") == self._launch.container]
        created = task.get("createdAt")
        return Found.told(
            _environment(task, self._launch.container),
            arn=task["taskArn"],
            created_at=created.timestamp() if created else 0.0,
            size=sizes.index(cpu_memory) if cpu_memory in sizes else 0,
            spot=task.get("capacityProviderName") == "FARGATE_SPOT",
            running=task.get("desiredStatus") != "STOPPED",
            succeeded=exit_codes == [0],
        )


def _environment(task: Description, container: str) -> dict[str, str]:
    """The environment that RunTask gave the container."""
    for override in task.get("overrides", {}).get("containerOverrides", []):
        if override.get("name") == container:
            return {pair["name"]: pair["value"] for pair in override.get("environment", [])}
    return {}

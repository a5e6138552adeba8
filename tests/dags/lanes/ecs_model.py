"""ECS as its pages describe it, in memory: idempotent RunTask, tasks that end by a given script, a clock of polls."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

START = dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC)
# How a container ends: (exit code, stop code, reason of the task, reason of the container).
ENDS: dict[str, tuple[int | None, str, str, str]] = {
    "ok": (0, "EssentialContainerExited", "Essential container in task exited", ""),
    "error": (1, "EssentialContainerExited", "Essential container in task exited", ""),
    "input": (2, "EssentialContainerExited", "Essential container in task exited", ""),
    "memory": (137, "EssentialContainerExited", "Essential container in task exited", "OutOfMemoryError: killed"),
    "spot": (143, "SpotInterruption", "Your Spot Task was interrupted.", ""),
    "capacity": (None, "TaskFailedToStart", "Capacity is unavailable at this time. Please try again later", ""),
    "image": (None, "TaskFailedToStart", "CannotPullContainerError: not found", ""),
    "person": (143, "UserInitiated", "Task stopped by user", ""),
}


class Dead(BaseException):
    """The process that made the call is killed: with its answer, or before it."""


@dataclass
class EcsModel:
    """`ends` and `faults` are consumed one per container and one per call; then all goes well.

    Faults: "throttle" and "lost" (the call is not made, or made and its answer lost), "die" and "die after" (the
    process is killed before the call, or between the call and its answer).
    """

    ends: list[str]
    faults: list[str | None] = field(default_factory=list)
    polls_per_container: int = 1
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ends = itertools.chain(self.ends, itertools.repeat("ok"))
        self._faults = itertools.chain(self.faults, itertools.repeat(None))
        self._left: dict[str, int] = {}

    def run_task(self, **request: Any) -> dict[str, Any]:
        return self._faulty(lambda: self._run_task(request))

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        return self._faulty(lambda: {"tasks": [self._described(arn) for arn in tasks], "failures": []})

    def list_tasks(self, cluster: str, startedBy: str, desiredStatus: str) -> dict[str, Any]:
        found = [a for a, t in self.tasks.items() if (t["startedBy"], t["desiredStatus"]) == (startedBy, desiredStatus)]
        return self._faulty(lambda: {"taskArns": found})

    def stop_task(self, cluster: str, task: str, reason: str) -> dict[str, Any]:
        return self._faulty(lambda: self._stop(task, 143, "UserInitiated", reason, ""))

    def running(self) -> list[str]:
        return [arn for arn, task in self.tasks.items() if task["desiredStatus"] == "RUNNING"]

    def _run_task(self, request: dict[str, Any]) -> dict[str, Any]:
        token = request["clientToken"]
        if token not in self.tokens:
            arn = self.tokens[token] = f"arn:aws:ecs:r:1:task/c/{len(self.tasks):04d}"
            self.requests.append(request)
            self._left[arn] = self.polls_per_container
            spot = "capacityProviderStrategy" in request
            self.tasks[arn] = {
                "taskArn": arn, "startedBy": request["startedBy"], "overrides": request["overrides"],
                "cpu": request["overrides"]["cpu"], "memory": request["overrides"]["memory"],
                "capacityProviderName": "FARGATE_SPOT" if spot else None,
                "createdAt": START + dt.timedelta(seconds=len(self.tasks)),
                "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "containers": [{"name": "microbiome"}],
                "end": next(self._ends),
            }  # fmt: skip
        return {"tasks": [dict(self.tasks[self.tokens[token]])], "failures": []}

    def _described(self, arn: str) -> dict[str, Any]:
        task = self.tasks[arn]
        if task["desiredStatus"] == "RUNNING":
            self._left[arn] -= 1
            if self._left[arn] < 0:
                self._stop(arn, *ENDS[task["end"]])
        return dict(task)

    def _stop(self, arn: str, exit_code: int | None, code: str, reason: str, container: str) -> dict[str, Any]:
        task = self.tasks[arn]
        if task["desiredStatus"] == "RUNNING":
            exited = {} if exit_code is None else {"exitCode": exit_code}
            task.update(lastStatus="STOPPED", desiredStatus="STOPPED", stopCode=code, stoppedReason=reason)
            task["containers"] = [{"name": "microbiome", "reason": container, **exited}]
        return {"task": dict(task)}

    def _faulty(self, call: Any) -> Any:
        fault = next(self._faults)
        if fault == "throttle":
            error = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}
            raise ClientError(error, "Call")
        if fault == "die":
            raise Dead
        answer = call()
        if fault == "lost":
            raise ReadTimeoutError(endpoint_url="https://ecs")
        if fault == "die after":
            raise Dead
        return answer


class NoLogs:
    """Log streams without lines."""

    def filter_log_events(self, **_: Any) -> dict[str, Any]:
        return {"events": []}

"""What a person reads about an attempt: the error message, the facts of the run, and links into the AWS console."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from lanes.attempt_run import Outcome
from lanes.failures import Failure
from lanes.launch import Launch


def error_message(failure: Failure, outcome: Outcome, launch: Launch) -> str:
    """First line: the class and AWS's reason. Then facts, links and the container's last lines."""
    size = launch.sizes[outcome.step.size]
    lines = [
        failure.headline,
        f"lane {launch.lane}, size {size.name} ({size.cpu_units} CPU units, {size.memory_mib} MiB, "
        f"{size.storage_gib} GiB disk){', Spot' if outcome.step.spot else ''}, "
        f"launch {outcome.step.number + 1} of this attempt{_duration(outcome)}",
    ]
    if outcome.arn:
        lines += [f"task: {task_link(launch, outcome.arn)}", f"log: {log_link(launch, outcome.arn)}"]
    if outcome.last_lines:
        lines += ["last lines of the container:", *(f"  {line}" for line in outcome.last_lines)]
    return "\n".join(lines)


def run_facts(outcome: Outcome, launch: Launch) -> dict[str, Any]:
    """The run in figures, as JSON: the second XCom."""
    size, task = launch.sizes[outcome.step.size], outcome.task or {}
    moments = {name: task[key].isoformat() for name, key in _MOMENTS.items() if task.get(key)}
    return {
        "lane": launch.lane,
        "arn": outcome.arn,
        "size": size.name,
        "cpu_units": size.cpu_units,
        "memory_mib": size.memory_mib,
        "storage_gib": size.storage_gib,
        "capacity": "spot" if outcome.step.spot else "on_demand",
        "launches": outcome.step.number + 1,
        **moments,
    }


_MOMENTS = {"created": "createdAt", "started": "startedAt", "stopped": "stoppedAt"}


def _duration(outcome: Outcome) -> str:
    task = outcome.task or {}
    if not (task.get("startedAt") and task.get("stoppedAt")):
        return ""
    return f", ran {(task['stoppedAt'] - task['startedAt']).total_seconds():.0f} s"


def task_link(launch: Launch, arn: str) -> str:
    task_id = arn.rsplit("/", 1)[-1]
    return (
        f"https://{launch.region}.console.aws.amazon.com/ecs/v2/clusters/{quote(launch.cluster, safe='')}"
        f"/tasks/{task_id}/configuration?region={launch.region}"
    )


def log_link(launch: Launch, arn: str) -> str:
    stream = f"{launch.log_stream_prefix}/{launch.container}/{arn.rsplit('/', 1)[-1]}"
    return (
        f"https://{launch.region}.console.aws.amazon.com/cloudwatch/home?region={launch.region}#logsV2:log-groups"
        f"/log-group/{_twice(launch.log_group)}/log-events/{_twice(stream)}"
    )


def _twice(text: str) -> str:
    """CloudWatch's console wants its fragment quoted twice, with $ instead of %."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")

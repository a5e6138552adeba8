"""What a person reads about an attempt: the error message, and the run in figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from lanes.attempts.failures import Failure
from lanes.attempts.launch import Launch
from lanes.attempts.links import log_link, task_link
from lanes.ecs.attempt_run import Outcome
from platform_spec.prices import rates, task_cost

_MOMENTS = {"created": "createdAt", "started": "startedAt", "stopped": "stoppedAt"}


def error_message(failure: Failure, outcome: Outcome, launch: Launch, last_lines: Sequence[str]) -> str:
    """First line: the class and AWS's reason. Then facts, links and the container's last lines."""
    facts = run_facts(outcome, launch)
    lines = [
        failure.headline,
        f"lane {launch.lane}, size {facts['size']} ({facts['cpu_units']} CPU units, {facts['memory_mib']} MiB, "
        f"{facts['storage_gib']} GiB disk), {facts['capacity']}, container {facts['launches']} of this attempt"
        + (f", ran {facts['seconds']:.0f} s" if "seconds" in facts else "")
        + (f", about {facts['cost_usd']:.4f} USD" if "cost_usd" in facts else ""),
    ]
    if outcome.arn:
        lines += [f"task: {task_link(launch, outcome.arn)}", f"log: {log_link(launch, outcome.arn)}"]
    if last_lines:
        lines += ["last lines of the container:", *(f"  {line}" for line in last_lines)]
    return "\n".join(lines)


def run_facts(outcome: Outcome, launch: Launch) -> dict[str, Any]:
    """The last container in figures, as JSON: the second XCom. What is not known is not there.

    `seconds` from start to stop; `cost_usd` from the beginning of the image pull (what Fargate bills) at the list
    price on demand, also for Spot.
    """
    size, task = launch.sizes[outcome.step.size], outcome.task or {}
    facts: dict[str, Any] = {
        "lane": launch.lane,
        "arn": outcome.arn,
        "outcome": str(outcome.failure.kind) if outcome.failure else "success",
        "size": size.name,
        "cpu_units": size.cpu_units,
        "memory_mib": size.memory_mib,
        "storage_gib": size.storage_gib,
        "capacity": "spot" if outcome.step.spot else "on_demand",
        "launches": outcome.step.number + 1,
    }
    facts |= {name: task[key].isoformat() for name, key in _MOMENTS.items() if task.get(key)}
    if (seconds := _between(task, "startedAt")) is not None:
        facts["seconds"] = round(seconds, 3)
    price, billed = rates(launch.region, launch.architecture), _between(task, "pullStartedAt", "startedAt")
    if price and billed is not None:
        facts["cost_usd"] = round(task_cost(price, billed, size.cpu_units, size.memory_mib, size.storage_gib), 6)
    return facts


def _between(task: dict[str, Any], *starts: str) -> float | None:
    """Seconds from the first known of `starts` to the end of the task; None while either is unknown."""
    start: dt.datetime | None = next((task[key] for key in starts if task.get(key)), None)
    stop: dt.datetime | None = task.get("stoppedAt")
    return (stop - start).total_seconds() if start and stop else None

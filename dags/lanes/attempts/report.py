"""What a person reads about an attempt: the error message, and the run in figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lanes.attempts.console import log_link
from lanes.attempts.engine import Seen
from lanes.attempts.failures import Failure
from lanes.attempts.launch import Launch
from lanes.attempts.outcome import Ended, Outcome
from platform_spec.prices import rates, task_cost


def error_message(failure: Failure, outcome: Outcome, launch: Launch, last_lines: Sequence[str]) -> str:
    """First line: the class and AWS's reason. Then facts, links and the container's last lines."""
    facts = run_facts(outcome, launch)
    lines = [
        failure.headline,
        f"lane {launch.lane}, size {facts['size']} ({launch.sizes[outcome.step.size].text}), {_place(facts)}, "
        f"container {facts['launches']} of this attempt"
        + (f", ran {facts['seconds']:.0f} s" if "seconds" in facts else "")
        + (f", about {facts['cost_usd']:.4f} USD" if "cost_usd" in facts else ""),
    ]
    if outcome.arn and (page := launch.console_url(outcome.arn)):
        lines.append(f"task: {page}")
    if outcome.seen and outcome.seen.log_stream and launch.log_group:
        lines.append(f"log: {log_link(launch, outcome.seen.log_stream)}")
    if last_lines:
        lines += ["last lines of the container:", *(f"  {line}" for line in last_lines)]
    return "\n".join(lines)


def run_facts(outcome: Outcome, launch: Launch) -> dict[str, Any]:
    """The last container in figures, as JSON: the second XCom. What is not known is not there.

    `seconds` from start to stop; `cost_usd` from the beginning of the image pull (what Fargate bills) at the list
    price on demand, also for Spot. A worker is paid for whether or not it works; of instances and clusters neither the
    price nor the task's share is known.
    `peak_memory_mib` is what the container's result document says: neither ECS nor Fargate tell it.
    Of an attempt that needed several containers, `containers` has each, and `cost_usd` is their sum.
    """
    size, seen = launch.sizes[outcome.step.size], outcome.seen
    facts: dict[str, Any] = {
        "lane": launch.lane,
        "arn": outcome.arn,
        "outcome": str(outcome.failure.kind) if outcome.failure else "success",
        "size": size.name,
        "cpu_units": size.cpu_units,
        "memory_mib": size.memory_mib,
        "storage_gib": size.storage_gib,
        "capacity": launch.host or ("spot" if outcome.step.spot else "on_demand"),
        "launches": outcome.step.number + 1,
    }
    if size.instance_type:
        facts |= {"instance_type": size.instance_type, "gpus": size.gpus}
    if isinstance(peak := outcome.result.get("peak_memory_mib"), int | float):
        facts["peak_memory_mib"] = peak
    if seen:
        moments = {"created": seen.created_at, "started": seen.started_at, "stopped": seen.stopped_at}
        facts |= {name: moment.isoformat() for name, moment in moments.items() if moment} | _seconds(seen)
    if launch.host:
        return facts | ({"cost_usd": 0.0} if launch.host == "worker" and seen else {})
    all_seen = [*outcome.earlier, *([Ended(outcome.step, seen)] if seen else [])]
    costs = [_cost(one, launch) for one in all_seen]
    if outcome.earlier:
        facts["containers"] = [_container(one, cost, launch) for one, cost in zip(all_seen, costs, strict=True)]
    known = [cost for cost in costs if cost is not None]
    return facts | ({"cost_usd": round(sum(known), 6)} if known and len(known) == len(costs) else {})


def _container(one: Ended, cost: float | None, launch: Launch) -> dict[str, Any]:
    """One of several, as far as a bill asks."""
    size = launch.sizes[one.step.size]
    facts: dict[str, Any] = {
        "size": size.name,
        "cpu_units": size.cpu_units,
        "memory_mib": size.memory_mib,
        "capacity": "spot" if one.step.spot else "on_demand",
    }
    return facts | _seconds(one.seen) | ({} if cost is None else {"cost_usd": cost})


def _seconds(seen: Seen) -> dict[str, float]:
    if not seen.started_at or not seen.stopped_at:
        return {}
    return {"seconds": round((seen.stopped_at - seen.started_at).total_seconds(), 3)}


def _cost(one: Ended, launch: Launch) -> float | None:
    """USD of one container; 0 where it never began to be billed, None where the price or its times are not known."""
    size, seen, price = launch.sizes[one.step.size], one.seen, rates(launch.region, launch.architecture)
    if price is None or size.instance_type:
        return None
    billed_from = seen.billed_from or seen.started_at
    if billed_from is None or seen.stopped_at is None:
        return 0.0 if seen.ended and billed_from is None else None
    billed = (seen.stopped_at - billed_from).total_seconds()
    return round(task_cost(price, billed, size.cpu_units, size.memory_mib, size.storage_gib), 6)


def _place(facts: dict[str, Any]) -> str:
    if "instance_type" in facts:
        return f"{facts['instance_type']} with {facts['gpus']} GPUs for it"
    return str(facts["capacity"])

"""At which rates a lane's containers are billed, or why that is not known."""

from __future__ import annotations

from platform_spec.lanes import GUESTS, ON_WORKERS
from platform_spec.manifest import TaskEntry
from platform_spec.prices.fargate import Rates, rates


def lane_rates(lane: TaskEntry, region: str) -> Rates | None:
    """None where `why_no_rates` says why. Of a lane on a worker too: what runs there costs nothing more."""
    return None if why_no_rates(lane, region) else rates(region, lane.architecture)


def why_no_rates(lane: TaskEntry, region: str) -> str:
    """In words; empty where Fargate's rates hold and are known."""
    if lane.lane in ON_WORKERS:
        return f"lane {lane.lane} runs on Airflow's workers, which are paid for whether or not they work"
    if lane.lane in GUESTS:
        return f"lane {lane.lane} runs on machines whose price AWS does not set"
    if any(size.instance_type for size in lane.sizes.values()):
        return f"lane {lane.lane} runs on EC2 instances: their price, and a task's share of one, are not known"
    if rates(region, lane.architecture) is None:
        return f"no price of Fargate on {lane.architecture} in {region}"
    return ""

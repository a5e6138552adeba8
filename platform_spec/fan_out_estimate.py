"""What a fan-out will take, before it runs: minutes, cost, and the limit that will hold it back. Pure."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import NamedTuple

from platform_spec.fan_out import Batch, Pace
from platform_spec.manifest import TaskEntry, TaskSize
from platform_spec.prices import Rates, task_cost

# Fargate starts tasks from a bucket of 100 that refills with 20 per second (AWS Fargate service quotas).
LAUNCH_BUCKET, LAUNCHES_PER_SECOND = 100, 20.0
# "Fargate On-Demand vCPU resource count" (L-3032A538): 6 in each Region by default (AWS General Reference, Amazon ECS
# endpoints and quotas). AWS raises it on request, and by itself where an account is used: ask the account if you can.
DEFAULT_VCPU_QUOTA = 6.0
# What one scheduler of this project has created and started per second (benchmarks/fan_out/README.md).
AIRFLOW_STARTS_PER_SECOND = 2.9


class Bound(NamedTuple):
    """One thing that limits how many batches run at once; `at_once` is infinite where it limits only the rate."""

    name: str
    at_once: float
    seconds: float


class Estimate(NamedTuple):
    """Seconds of the longest batch and of the whole, USD (None: price not known), and the bounds, tightest first."""

    longest_seconds: float
    seconds: float
    cost_usd: float | None
    bounds: tuple[Bound, ...]


def estimate(
    batches: Sequence[Batch],
    lane: TaskEntry,
    pace: Pace,
    at: Rates | None,
    limits: Mapping[str, float],
    vcpu_quota: float | None = None,
) -> Estimate:
    """`limits` names further bounds on how many run at once (max_parallel, pools, max_active_runs); 0 is none.

    `vcpu_quota` is the account's own; None: not known, AWS's default.
    """
    seconds = [pace.seconds(batch.items, batch.bytes) for batch in batches]
    sizes = [size_of(batch, lane) for batch in batches]
    vcpus = max((size.cpu_units / 1024 for size in sizes), default=1.0)
    at_once = {name: value for name, value in limits.items() if value}
    quota = DEFAULT_VCPU_QUOTA if vcpu_quota is None else vcpu_quota
    whose = " by default" if vcpu_quota is None else ""
    at_once[f"Fargate vCPU quota ({quota:g}{whose})"] = max(1.0, quota // vcpus)
    bounds = [Bound(name, value, _rounds(seconds, value)) for name, value in at_once.items()]
    longest = max(seconds, default=0.0)
    late = max(0, len(batches) - LAUNCH_BUCKET) / LAUNCHES_PER_SECOND
    bounds.append(Bound("Fargate launch rate (20 per second)", inf, longest + late))
    bounds.append(Bound("starts by Airflow", inf, longest + len(batches) / AIRFLOW_STARTS_PER_SECOND))
    bounds.sort(key=lambda bound: -bound.seconds)
    cost = None if at is None else sum(_cost(at, s, size) for s, size in zip(seconds, sizes, strict=True))
    return Estimate(longest, bounds[0].seconds if batches else 0.0, cost, tuple(bounds))


def size_of(batch: Batch, lane: TaskEntry) -> TaskSize:
    return lane.sizes[batch.size or lane.default_size]


def _rounds(seconds: Sequence[float], at_once: float) -> float:
    """Longest first on `at_once` machines, at best: the mean load, and never less than the longest."""
    return max(sum(seconds) / at_once, max(seconds, default=0.0))


def _cost(at: Rates, seconds: float, size: TaskSize) -> float:
    return task_cost(at, seconds, size.cpu_units, size.memory_mib, size.storage_gib)

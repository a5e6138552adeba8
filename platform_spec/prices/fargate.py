"""What a Fargate task costs, by its size and its seconds."""

from typing import NamedTuple

from platform_spec.prices.table import price

MINIMUM_SECONDS = 60  # "per second with a one-minute minimum" (Fargate pricing page)
# "Up to 70 % off" (Fargate pricing page): what Spot really costs varies by the hour. A bound, not a price.
SPOT_DISCOUNT = 0.7


class Rates(NamedTuple):
    """USD per hour: one vCPU, one GB of memory, one GB of disk beyond the free 20."""

    vcpu: float
    memory_gb: float
    disk_gb: float


def rates(region: str, architecture: str) -> Rates | None:
    """None where one of the three prices is not known."""
    found = [price(region, f"fargate.{architecture}.{part}") for part in ("vcpu", "memory_gb")]
    vcpu, memory, disk = *found, price(region, "fargate.disk_gb")
    return None if vcpu is None or memory is None or disk is None else Rates(vcpu.usd, memory.usd, disk.usd)


def task_cost(at: Rates, seconds: float, cpu_units: int, memory_mib: int, storage_gib: int = 20) -> float:
    """USD for one task that ran so long, on demand; a started task pays for a minute at least."""
    per_hour = at.vcpu * cpu_units / 1024 + at.memory_gb * memory_mib / 1024 + at.disk_gb * max(0, storage_gib - 20)
    return per_hour * max(seconds, MINIMUM_SECONDS) / 3600

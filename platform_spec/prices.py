"""AWS list prices of Fargate, per second of use. Pure.

Source: AWS Fargate pricing page (aws.amazon.com/fargate/pricing), Linux, read in November 2026. Prices change: a
Region that is not here has no estimate, rather than a wrong one.
"""

from typing import NamedTuple

READ_ON = "2026-11"
MINIMUM_SECONDS = 60  # "per second with a one-minute minimum"
# Spot is "up to 70 % off": what it really costs varies by the hour. Estimates use the price on demand.


class Rates(NamedTuple):
    """USD per hour: one vCPU, one GB of memory, one GB of disk beyond the free 20."""

    vcpu: float
    memory_gb: float
    disk_gb: float


FARGATE: dict[tuple[str, str], Rates] = {
    ("us-east-1", "x86_64"): Rates(0.04048, 0.004445, 0.000111),
    ("us-east-1", "arm64"): Rates(0.03238, 0.00356, 0.000111),
    ("ap-northeast-1", "x86_64"): Rates(0.05056, 0.005536, 0.00014),
}


def rates(region: str, architecture: str) -> Rates | None:
    """None where the price is not known."""
    return FARGATE.get((region, architecture))


def task_cost(at: Rates, seconds: float, cpu_units: int, memory_mib: int, storage_gib: int = 20) -> float:
    """USD for one task that ran so long; a started task pays for a minute at least."""
    per_hour = at.vcpu * cpu_units / 1024 + at.memory_gb * memory_mib / 1024 + at.disk_gb * max(0, storage_gib - 20)
    return per_hour * max(seconds, MINIMUM_SECONDS) / 3600

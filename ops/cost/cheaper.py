"""What would make an idle environment cheaper, in USD per month, and what it would take away. Pure."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ops.cost.idle import INCLUDED_ELSEWHERE, INCLUDED_WORKERS, Idle
from platform_spec.environments import Environment
from platform_spec.prices import HOURS_PER_MONTH, price

_SMALLER = {"mw1.2xlarge": "mw1.xlarge", "mw1.xlarge": "mw1.large", "mw1.large": "mw1.medium",
            "mw1.medium": "mw1.small",
            "mw1.small": "mw1.micro"}  # fmt: skip


@dataclass(frozen=True)
class Option:
    """`usd_month` saved; `costs` is what one gives up, `how` the line of the environment file."""

    usd_month: float
    how: str
    costs: str

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "usd_month": round(self.usd_month, 2)}


def cheaper(environment: Environment, found: Idle) -> list[Option]:
    """Largest saving first. Only options whose prices are all known."""
    return sorted((*_network(environment, found), *_airflow(environment)), key=lambda option: -option.usd_month)


def _network(environment: Environment, found: Idle) -> Iterator[Option]:
    gateway = [price(environment.region, f"vpc.{item}") for item in ("nat_gateway", "public_ipv4")]
    endpoints = sum(line.usd_month or 0 for line in found.lines if line.item == "vpc.endpoint")
    nat, address = gateway
    if nat is None or address is None or not endpoints:
        return
    one = (nat.usd + address.usd) * HOURS_PER_MONTH
    for gateways, costs in (
        (1, "tasks can reach the internet; one zone's failure cuts all off; each GB is billed"),
        (len(environment.zones), "tasks can reach the internet; each GB is billed"),
    ):
        if (saved := endpoints - gateways * one) > 0:
            yield Option(saved, f'[network] mode = "nat", nat_gateways = {gateways}', costs)


def _airflow(environment: Environment) -> Iterator[Option]:
    airflow, name = environment.airflow, environment.airflow.environment_class
    parts = (
        ("schedulers", "scheduler", airflow.schedulers - INCLUDED_ELSEWHERE, INCLUDED_ELSEWHERE),
        ("min_workers", "worker", airflow.min_workers - INCLUDED_WORKERS, INCLUDED_WORKERS),
    )
    for key, part, extra, least in parts:
        rate = price(environment.region, f"mwaa.{name}.{part}")
        if extra > 0 and rate is not None:
            costs = "fewer scheduling decisions per second" if part == "scheduler" else "the first burst waits minutes"
            yield Option(rate.usd * extra * HOURS_PER_MONTH, f"[airflow] {key} = {least}", costs)
    smaller = _SMALLER.get(name, "")
    now = price(environment.region, f"mwaa.{name}.environment")
    then = price(environment.region, f"mwaa.{smaller}.environment")
    if now is not None and then is not None:
        costs = "half the tasks per worker and fewer DAGs (MWAA user guide, environment class)"
        saved = (now.usd - then.usd) * HOURS_PER_MONTH
        yield Option(saved, f'[airflow] environment_class = "{smaller}"', costs)

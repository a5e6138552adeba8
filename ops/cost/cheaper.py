"""What would make an idle environment cheaper, in USD per month, and what it would take away. Pure."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ops.cost.idle import INCLUDED, INCLUDED_ELSEWHERE, INCLUDED_WORKERS, Idle
from platform_spec.airflow_settings import CLASSES
from platform_spec.environments import Environment
from platform_spec.prices import HOURS_PER_MONTH, price

_SMALLER = {"mw1.2xlarge": "mw1.xlarge", "mw1.xlarge": "mw1.large", "mw1.large": "mw1.medium",
            "mw1.medium": "mw1.small",
            "mw1.small": "mw1.micro"}  # fmt: skip
_GIVEN_UP = {
    "scheduler": "fewer scheduling decisions per second",
    "web_server": "fewer people and API calls at once",
    "worker": "the first burst waits minutes",
}
LEAST_ZONES = 2  # MWAA's subnets lie in two


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
    if endpoints and (fewer := len(environment.zones) - LEAST_ZONES) > 0:
        kept = ", ".join(f'"{zone}"' for zone in environment.zones[:LEAST_ZONES])
        saved = endpoints / len(environment.zones) * fewer
        yield Option(saved, f"zones = [{kept}]", "tasks have fewer zones to start in when one is short or fails")
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
        ("web_servers", "web_server", airflow.web_servers - INCLUDED_ELSEWHERE, INCLUDED_ELSEWHERE),
        ("min_workers", "worker", airflow.min_workers - INCLUDED_WORKERS, INCLUDED_WORKERS),
    )
    for key, part, extra, least in parts:
        rate = price(environment.region, f"mwaa.{name}.{part}")
        if extra > 0 and rate is not None:
            yield Option(rate.usd * extra * HOURS_PER_MONTH, f"[airflow] {key} = {least}", _GIVEN_UP[part])
    yield from _smaller_class(environment)


def _smaller_class(environment: Environment) -> Iterator[Option]:
    """The difference of two bills for MWAA: what is added to the environment becomes cheaper with it."""
    airflow = environment.airflow
    smaller = _SMALLER.get(airflow.environment_class, "")
    now, then = (_airflow_hourly(environment, name) for name in (airflow.environment_class, smaller))
    if now is None or then is None:
        return
    tasks, dags = CLASSES[smaller].tasks_per_worker * airflow.max_workers, CLASSES[smaller].dags
    costs = f"at most {tasks} tasks at once and {dags} DAGs"
    if (slots := sum(environment.pools.values())) > tasks:
        costs += f"; [pools] promise {slots} slots: give them less, or raise max_workers"
    yield Option((now - then) * HOURS_PER_MONTH, f'[airflow] environment_class = "{smaller}"', costs)


def _airflow_hourly(environment: Environment, environment_class: str) -> float | None:
    """USD per hour, idle; None where a part of it has no price."""
    airflow, included = environment.airflow, INCLUDED.get(environment_class, INCLUDED_ELSEWHERE)
    parts = {
        "environment": 1,
        "worker": airflow.min_workers - INCLUDED_WORKERS,
        "scheduler": airflow.schedulers - included,
        "web_server": airflow.web_servers - included,
    }
    wanted = {part: count for part, count in parts.items() if count > 0}
    prices = [price(environment.region, f"mwaa.{environment_class}.{part}") for part in wanted]
    usd = [known.usd * count for known, count in zip(prices, wanted.values(), strict=True) if known is not None]
    return sum(usd) if len(usd) == len(wanted) else None

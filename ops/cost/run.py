"""The bill of a run: per task and per sample, what ran on Spot, what was larger than it had to be. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ops.cost.container import Container
from ops.cost.facts import RunFacts
from platform_spec.fargate import MEMORY_MIB
from platform_spec.manifest import TaskEntry
from platform_spec.prices import SPOT_DISCOUNT, Rates, task_cost
from platform_spec.prices.lanes import lane_rates, why_no_rates

PEAK_KEY = "peak_memory_mib"  # of the run facts, where the lane can know it
HEADROOM = 1.3  # a size that would do holds the largest peak and so much more


@dataclass(frozen=True)
class TaskBill:
    """All containers of one task of one DAG. USD at the list price on demand, of those whose price is known; None: of
    none. `without_price` are the others.
    """

    dag_id: str
    task_id: str
    lane: str
    containers: int
    seconds: float
    usd: float | None
    spot_usd: float
    without_price: int

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "usd": None if self.usd is None else round(self.usd, 6)}


@dataclass(frozen=True)
class TooLarge:
    """A task whose largest peak would fit into less; `usd_saved` for this run, None where a price is not known."""

    task_id: str
    size: str
    memory_mib: int
    peak_mib: int
    fits: str
    usd_saved: float | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Bill:
    tasks: list[TaskBill]
    usd: float | None
    usd_per_item: float | None
    spot_usd: float
    spot_saved_at_most: float
    too_large: list[TooLarge]
    without_price: dict[str, int]  # why → how many containers: they are not in `usd`

    def as_dict(self) -> dict[str, Any]:
        rounded = {n: None if (v := getattr(self, n)) is None else round(v, 6) for n in
                   ("usd", "usd_per_item", "spot_usd", "spot_saved_at_most")}  # fmt: skip
        return {
            "tasks": [task.as_dict() for task in self.tasks],
            **rounded,
            "too_large": [task.as_dict() for task in self.too_large],
            "without_price": self.without_price,
        }


def bill(found: RunFacts, lanes: Mapping[str, TaskEntry], region: str) -> Bill:
    """`lanes` for their sizes and prices."""
    rates = {name: lane_rates(lane, region) for name, lane in lanes.items()}
    groups: dict[tuple[str, str], list[Container]] = defaultdict(list)
    for container in found.containers:
        groups[container.dag_id, container.task.partition("[")[0]].append(container)
    tasks = [_task(dag_id, task_id, containers) for (dag_id, task_id), containers in groups.items()]
    tasks.sort(key=lambda task: -(task.usd or 0.0))
    known = [task.usd for task in tasks if task.usd is not None]
    usd = sum(known) if known else None
    spot = sum(task.spot_usd for task in tasks)
    return Bill(
        tasks,
        usd,
        usd / found.items if usd is not None and found.items else None,
        spot,
        spot * SPOT_DISCOUNT,
        list(_too_large(groups, lanes, rates)),
        dict(Counter(_why(one, lanes, region) for one in found.containers if one.usd is None)),
    )


def _why(container: Container, lanes: Mapping[str, TaskEntry], region: str) -> str:
    lane = str(container.facts.get("lane"))
    if lane not in lanes:
        return f"lane {lane} is not deployed any more"
    return why_no_rates(lanes[lane], region) or "AWS has not told when they began and ended"


def _task(dag_id: str, task_id: str, containers: list[Container]) -> TaskBill:
    costs = [container.usd for container in containers if container.usd is not None]
    spot = sum(container.spot_usd for container in containers)
    seconds = sum(float(container.facts.get("seconds", 0.0)) for container in containers)
    lane = str(containers[0].facts.get("lane", ""))
    return TaskBill(dag_id, task_id, lane, len(containers), round(seconds, 1), sum(costs) if costs else None, spot,
                    len(containers) - len(costs))  # fmt: skip


def _too_large(
    groups: Mapping[tuple[str, str], Iterable[Container]],
    lanes: Mapping[str, TaskEntry],
    rates: Mapping[str, Rates | None],
) -> Iterator[TooLarge]:
    for (_, task_id), containers in groups.items():
        by_size: dict[str, list[Container]] = defaultdict(list)
        for container in containers:
            by_size[str(container.facts.get("size"))].append(container)
        for size, ones in by_size.items():
            peaks = [int(one.facts[PEAK_KEY]) for one in ones if one.facts.get(PEAK_KEY)]
            facts = ones[0].facts
            memory = int(facts.get("memory_mib", 0))
            if not peaks or len(peaks) < len(ones):  # one unknown peak may be the largest
                continue
            if facts.get("instance_type"):  # its sizes are not Fargate's, and a smaller one saves nothing by itself
                continue
            lane = str(facts.get("lane", ""))
            enough = smallest_that_does(max(peaks), int(facts["cpu_units"]))
            if enough is not None and enough < memory:
                yield TooLarge(
                    task_id, size, memory, max(peaks), _words(lanes.get(lane), int(facts["cpu_units"]), enough),
                    _saved(ones, rates.get(lane), enough),
                )  # fmt: skip


def smallest_that_does(peak_mib: int, cpu_units: int) -> int | None:
    """MiB: the least that Fargate sells with these CPU units and that holds the peak with room; None: nothing does."""
    return next((size for size in MEMORY_MIB.get(cpu_units, ()) if size >= peak_mib * HEADROOM), None)


def _words(lane: TaskEntry | None, cpu_units: int, memory_mib: int) -> str:
    """A size that is declared, or what to declare."""
    declared = lane.sizes.items() if lane else ()
    fitting = [n for n, s in declared if s.cpu_units == cpu_units and s.memory_mib == memory_mib]
    return f"size {fitting[0]!r}" if fitting else f"cpu_units = {cpu_units}, memory_mib = {memory_mib}"


def _saved(ones: Iterable[Container], at: Rates | None, memory_mib: int) -> float | None:
    if at is None:
        return None
    saved = 0.0
    for one in ones:
        facts = one.facts
        sizes = (int(facts["memory_mib"]), memory_mib)
        seconds = float(facts.get("seconds", 0.0))
        now, then = (task_cost(at, seconds, int(facts["cpu_units"]), mib) for mib in sizes)
        saved += now - then
    return round(saved, 6)

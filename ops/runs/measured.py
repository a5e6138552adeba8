"""What the newest successful runs of a DAG took: seconds, pool slots, cost. From Airflow's own records."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ops.airflow_state.rest import AirflowRest
from ops.runs.children import OPERATORS, child_tasks, fan_outs
from ops.runs.lookup import latest_runs, seconds_between, task_instances, xcom

FACTS_KEY, SUMMARY_KEY = "lanes_run", "fan_out_summary"
RUNS, LOOKED_INTO = 20, 3  # runs whose seconds count; newest ones whose tasks are read
FACTS_READ = 40  # containers of one run whose cost is asked for, one request each
_NO_CONTAINER = (*OPERATORS, "PythonOperator", "EmptyOperator", "TriggerDagRunOperator")


@dataclass(frozen=True)
class Measured:
    """Medians over `runs` successful runs, the children of their fan-outs included.

    `pool_seconds`: slot-seconds of one run; `pool_slots`: most at once. Deferred time counts as if it held its slot,
    which is so only in a pool that includes deferred tasks: an upper bound. `cost_usd` None: no price is known.
    """

    dag_id: str
    runs: int
    seconds: float
    slowest_seconds: float
    cost_usd: float | None = None
    pool_seconds: dict[str, float] = field(default_factory=dict)
    pool_slots: dict[str, int] = field(default_factory=dict)


def measured(rest: AirflowRest, dag_id: str) -> Measured | None:
    """None when no run has succeeded yet."""
    runs = latest_runs(rest, dag_id, RUNS, state="success")
    seconds = [s for run in runs if (s := seconds_between(run["start_date"], run["end_date"])) is not None]
    if not seconds:
        return None
    looked = [_tasks_of(rest, dag_id, run["dag_run_id"]) for run in runs[:LOOKED_INTO]]
    return Measured(
        dag_id,
        len(seconds),
        median(seconds),
        max(seconds),
        _median([cost for _, cost in looked if cost is not None]),
        _medians([pool_seconds(tasks) for tasks, _ in looked]),
        {pool: max(slots(tasks).get(pool, 0) for tasks, _ in looked) for pool in _pools(looked)},
    )


def has_container(task: dict[str, Any]) -> bool:
    """Whether it may have run facts: decorated functions and the operators that only coordinate have none."""
    operator = str(task["operator"] or "_")
    return not operator.startswith("_") and operator not in _NO_CONTAINER


def pool_seconds(tasks: list[dict[str, Any]]) -> dict[str, float]:
    """Slots times seconds that each pool was taken."""
    taken: dict[str, float] = defaultdict(float)
    for task in tasks:
        taken[task["pool"]] += (seconds_between(task["start_date"], task["end_date"]) or 0.0) * task["pool_slots"]
    return dict(taken)


def slots(tasks: list[dict[str, Any]]) -> dict[str, int]:
    """The most slots of each pool that these task instances had at the same moment."""
    changes: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for task in tasks:
        if task["start_date"] and task["end_date"]:
            changes[task["pool"]] += [(task["start_date"], task["pool_slots"]), (task["end_date"], -task["pool_slots"])]
    return {pool: _peak(found) for pool, found in changes.items()}


def _peak(changes: list[tuple[str, int]]) -> int:
    most = now = 0
    for _, change in sorted(changes):  # an end before a start of the same moment: -1 sorts first
        now += change
        most = max(most, now)
    return most


def _tasks_of(rest: AirflowRest, dag_id: str, run_id: str) -> tuple[list[dict[str, Any]], float | None]:
    """All task instances, with those of child runs; and what the containers cost, None where no price is known."""
    own = task_instances(rest, dag_id, run_id)
    found = fan_outs(rest, own)
    tasks = [*own, *(task for _, info in found for task in child_tasks(rest, info))]
    containers = [task for task in tasks if has_container(task)]
    asked = containers[
        :: max(1, len(containers) // FACTS_READ)
    ]  # of many alike, every so-manieth stands for the others
    facts = [fact for task in asked if (fact := xcom(rest, task, FACTS_KEY))]
    ended = [xcom(rest, task, SUMMARY_KEY) or {} for task, info in found if "prefix" not in info]
    return tasks, run_cost(facts, len(containers), ended)


def run_cost(facts: list[dict[str, Any]], containers: int, arrays: list[dict[str, Any]]) -> float | None:
    """USD of one run: of `facts`, as many of its containers as were asked for, taken for all; and of its array
    fan-outs, as they ended. None where one of them has no known price: the others do not stand for it.
    """
    if not (facts or arrays) or not all("cost_usd" in known for known in (*facts, *arrays)):
        return None
    each = sum(float(fact["cost_usd"]) for fact in facts) / len(facts) if facts else 0.0
    return each * containers + sum(float(ended["cost_usd"]) for ended in arrays)


def _pools(looked: list[tuple[list[dict[str, Any]], float | None]]) -> set[str]:
    return {task["pool"] for tasks, _ in looked for task in tasks}


def _median(values: list[float]) -> float | None:
    return median(values) if values else None


def _medians(found: list[dict[str, float]]) -> dict[str, float]:
    return {pool: median([one.get(pool, 0.0) for one in found]) for pool in {p for one in found for p in one}}

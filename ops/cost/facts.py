"""The run facts of a DAG run: what each container of it was, took and cost, with the children of its fan-outs."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ops.airflow_state.rest import AirflowRest
from ops.fan_outs.airflow import Waiting, view_of
from ops.runs.children import child_tasks, fan_outs
from ops.runs.lookup import find_run, label, task_instances, xcom
from ops.runs.measured import FACTS_KEY, has_container

_AT_ONCE = 6  # requests; an MWAA web server has few workers


@dataclass(frozen=True)
class Container:
    """The last container of one task instance. `facts` as the DAG kit wrote them; what is not known is not there."""

    dag_id: str
    run_id: str
    task: str
    state: str
    facts: dict[str, Any]

    @property
    def usd(self) -> float | None:
        """At the list price on demand, also for Spot; None: not known."""
        cost = self.facts.get("cost_usd")
        return None if cost is None else float(cost)


@dataclass(frozen=True)
class RunFacts:
    """`items`: samples (or whatever the fan-outs split) that were planned; 0 where nothing was fanned out."""

    dag_id: str
    run_id: str
    containers: list[Container]
    items: int
    unread: int  # lane tasks that left no facts: running, or failed before a container was known


def run_facts(rest: AirflowRest, dag_id: str, run_id: str, read: Callable[[str], dict[str, Any]]) -> RunFacts:
    """`read` gives the JSON document at an S3 URI: plans of fan-outs, states of array fan-outs."""
    run = find_run(rest, dag_id, run_id)
    own = task_instances(rest, dag_id, run["dag_run_id"])
    infos = fan_outs(rest, own)
    children = [task for _, info in infos for task in child_tasks(rest, info)]
    tasks = [task for task in [*own, *children] if has_container(task)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        facts = list(pool.map(lambda task: xcom(rest, task, FACTS_KEY), tasks))
    found = [_container(task, fact) for task, fact in zip(tasks, facts, strict=True) if fact]
    found += [batch for task, info in infos if "document" in info for batch in _array(rest, task, info, read)]
    items = sum(len(read(info["manifest"])["items"]) for _, info in infos)
    return RunFacts(dag_id, run["dag_run_id"], found, items, sum(not fact for fact in facts))


def _array(
    rest: AirflowRest, task: dict[str, Any], info: dict[str, Any], read: Callable[[str], dict[str, Any]]
) -> list[Container]:
    """The batches of an array fan-out, which are no runs: from its state document."""
    waiting = Waiting(task["dag_id"], task["dag_run_id"], task["task_id"], info, None)
    planned = {batch["index"]: batch for batch in read(info["manifest"])["batches"]}
    view = view_of(rest, waiting, planned, time.time(), read(info["document"]))
    return array_containers(task, info["lane"], view["batches"])


def array_containers(task: dict[str, Any], lane: str, batches: list[dict[str, Any]]) -> list[Container]:
    """One for each batch that has run, with the cost of all of its tries."""
    found = []
    for batch in batches:
        if batch.get("start") and batch.get("end"):
            facts = {"lane": lane, "seconds": batch["end"] - batch["start"], "size": batch.get("size")}
            facts |= {"capacity": "spot" if batch.get("spot") else "on_demand"}
            facts |= {"cost_usd": batch["cost_usd"]} if batch.get("cost_usd") else {}
            name = f"{task['task_id']}[{batch['index']}]"
            found.append(Container(task["dag_id"], task["dag_run_id"], name, batch["state"], facts))
    return found


def _container(task: dict[str, Any], fact: dict[str, Any]) -> Container:
    return Container(task["dag_id"], task["dag_run_id"], label(task), str(task["state"]), fact)

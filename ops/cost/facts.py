"""The run facts of a DAG run: what each container of it was, took and cost, with the children of its fan-outs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.airflow_state.rest import AirflowRest
from ops.cost.container import Container
from ops.cost.tries import earlier_tries
from ops.fan_outs.airflow import Waiting, view_of
from ops.runs.children import child_tasks, fan_outs
from ops.runs.lookup import find_run, label, moment, task_instances, xcom
from ops.runs.measured import FACTS_KEY, has_container

_AT_ONCE = 6  # requests; an MWAA web server has few workers


@dataclass(frozen=True)
class RunFacts:
    """`items`: samples (or whatever the fan-outs split) that were planned; 0 where nothing was fanned out."""

    dag_id: str
    run_id: str
    containers: list[Container]
    items: int
    unread: int  # lane tasks that left no facts: running, or failed before a container was known
    unread_tries: int = 0  # earlier tries of lane tasks of which no container is known


Events = Callable[[datetime, datetime], Iterable[Mapping[str, Any]]]


def run_facts(
    rest: AirflowRest, dag_id: str, run_id: str, read: Callable[[str], dict[str, Any]], events: Events
) -> RunFacts:
    """`read` gives the JSON document at an S3 URI: plans of fan-outs, states of array fan-outs. `events` gives the run
    metrics between two moments; asked for only where a task was tried more than once.
    """
    run = find_run(rest, dag_id, run_id)
    own = task_instances(rest, dag_id, run["dag_run_id"])
    infos = fan_outs(rest, own)
    children = [task for _, info in infos for task in child_tasks(rest, info)]
    tasks = [task for task in [*own, *children] if has_container(task)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        facts = list(pool.map(lambda task: xcom(rest, task, FACTS_KEY), tasks))
    found = [one for task, fact in zip(tasks, facts, strict=True) if fact for one in _containers(task, fact)]
    again = [task for task in tasks if int(task["try_number"]) > 1]
    since = moment(run["start_date"] or run["queued_at"])
    tried, untold = earlier_tries(again, events(since, datetime.now(UTC))) if again and since else ([], 0)
    found += tried
    found += [batch for task, info in infos if "document" in info for batch in _array(rest, task, info, read)]
    items = sum(len(read(info["manifest"])["items"]) for _, info in infos)
    return RunFacts(dag_id, run["dag_run_id"], found, items, sum(not fact for fact in facts), untold)


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


def _containers(task: dict[str, Any], fact: dict[str, Any]) -> list[Container]:
    """Those of its last try: the one before the last ran out of memory, or AWS took it away."""
    several = [{"lane": fact.get("lane"), **one} for one in fact.get("containers", [])]
    if several and "peak_memory_mib" in fact:  # what the last one said of itself
        several[-1]["peak_memory_mib"] = fact["peak_memory_mib"]
    return [
        Container(task["dag_id"], task["dag_run_id"], label(task), str(task["state"]), one) for one in several or [fact]
    ]

"""Containers of earlier tries: Airflow forgets a task's XComs at each retry; the run metrics keep them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ops.cost.container import Container


def earlier_tries(
    tasks: Sequence[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]
) -> tuple[list[Container], int]:
    """One container for each event of a try before the one that a task instance is in, and how many such tries have
    none (they started no container, or their event is not there any more). `events` as run_metrics.py writes them.
    """
    current = {_key(t["dag_id"], t["dag_run_id"], t["task_id"], t["map_index"]): int(t["try_number"]) for t in tasks}
    found, tries = [], set()
    for event in events:
        whose = event.get("Attempt")
        if not whose or "Runs" not in event or int(event["Runs"]) != 1:  # an array's batches are in its document
            continue
        key = _key(whose["Dag"], whose["Run"], whose["Task"], whose["MapIndex"])
        if int(whose["Try"]) < current.get(key, 0):
            tries.add((key, int(whose["Try"])))
            found.append(_container(whose, event))
    return found, sum(max(0, number - 1) for number in current.values()) - len(tries)


def _key(*parts: Any) -> tuple[str, ...]:
    return tuple(str(part) for part in parts)


def _container(whose: Mapping[str, Any], event: Mapping[str, Any]) -> Container:
    name = whose["Task"] if int(whose["MapIndex"]) < 0 else f"{whose['Task']}[{whose['MapIndex']}]"
    facts = {
        "lane": event["Lane"],
        "size": event["Size"],
        "capacity": event["Capacity"],
        "seconds": event.get("AllSeconds", event.get("Seconds", 0.0)),
    }
    known = {"CostUsd": "cost_usd", "SpotUsd": "spot_usd"}
    facts |= {name: event[key] for key, name in known.items() if key in event}
    return Container(whose["Dag"], whose["Run"], name, str(event["Outcome"]), facts)

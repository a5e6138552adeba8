"""Airflow's account of a run against the containers' own: what was lost, doubled, orphaned, stuck or made up."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

OVER = ("success", "failed", "upstream_failed", "skipped")


def verdict(tasks: list[dict[str, Any]], containers: list[dict[str, Any]]) -> dict[str, int]:
    """Figures over the mapped task instances `tasks` and all `containers` of the run; the last five should be 0.

    `attempts` are Airflow's tries: fewer containers than attempts means tries that ran nothing. `taken` are containers
    that AWS took away (their host was lost): each may be started once more within its attempt.
    """
    by_index: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for container in containers:
        by_index[int(container["environment"]["TASKLANE_MAP_INDEX"])].append(container)
    figures = dict.fromkeys(("lost", "doubled", "made_up", "stuck"), 0)
    for task in tasks:
        own = sorted(by_index[task["map_index"]], key=lambda container: container["createdAt"])
        succeeded = [container for container in own if _exit_code(container) == 0]
        figures["stuck"] += task["state"] not in OVER
        figures["lost"] += bool(succeeded) and task["state"] == "failed"
        figures["made_up"] += not succeeded and task["state"] == "success"
        too_many = max(0, len(own) - sum(map(_taken, own)) - task["try_number"])
        figures["doubled"] += max(too_many, _overlaps(own), len(succeeded) - 1 if succeeded else 0)
    return {
        "tasks": len(tasks),
        "succeeded": sum(task["state"] == "success" for task in tasks),
        "containers": len(containers),
        "taken": sum(map(_taken, containers)),
        "attempts": sum(task["try_number"] for task in tasks),
        **figures,
        "orphaned": sum(container["lastStatus"] != "STOPPED" for container in containers),
    }


def _exit_code(container: dict[str, Any]) -> int | None:
    code = container["containers"][0].get("exitCode")
    return None if code is None else int(code)


def _taken(container: dict[str, Any]) -> bool:
    return container.get("stopCode") in ("TerminationNotice", "SpotInterruption")


def _overlaps(containers: list[dict[str, Any]]) -> int:
    """How often a container was started while an older one of the same task still ran."""
    pairs = itertools.pairwise(containers)
    return sum("stoppedAt" not in old or old["stoppedAt"] > new["createdAt"] for old, new in pairs)

"""The fan-out as the page and `tasklane fanout show` get it. Pure: rows in, JSON out; times in seconds since 1970."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# A batch of nothing but bad input (exit code 2) is set aside, not failed.
QUARANTINED = "input"
_CHILD = re.compile(r"__b(?P<index>\d{5,})(?:__r(?P<generation>\d+))?$")


def child_of(run_id: str) -> tuple[int, int] | None:
    """Batch and generation that a child run stands for."""
    match = _CHILD.search(run_id)
    return (int(match["index"]), int(match["generation"] or 0)) if match else None


def batch_views(
    count: int,
    runs: Sequence[Any],
    tasks: Mapping[str, Sequence[Any]],
    facts: Mapping[str, Sequence[Any]],
    planned: Mapping[int, Mapping[str, Any]],
    *,
    quarantine: bool,
) -> list[dict[str, Any]]:
    """One entry per batch, in order. Of several generations the last one counts; the cost is that of all."""
    latest: dict[int, tuple[int, Any]] = {}
    cost: dict[int, float] = {}
    for run in runs:
        if (child := child_of(run.run_id)) is None:
            continue
        index, generation = child
        cost[index] = cost.get(index, 0.0) + sum(_cost(row.value) for row in facts.get(run.run_id, ()))
        if index not in latest or generation > latest[index][0]:
            latest[index] = (generation, run)
    views = []
    for index in range(count):
        view = {"index": index, "state": "waiting", **_planned(planned.get(index, {}))}
        if index in latest:
            generation, run = latest[index]
            view |= _ran(run, tasks.get(run.run_id, ()), facts.get(run.run_id, ()), quarantine=quarantine)
            view |= {"generation": generation, "cost_usd": round(cost[index], 6)}
        views.append(view)
    return views


def _planned(batch: Mapping[str, Any]) -> dict[str, Any]:
    return {name: batch[name] for name in ("items", "bytes", "size") if batch.get(name) is not None}


def _ran(run: Any, tasks: Sequence[Any], facts: Sequence[Any], *, quarantine: bool) -> dict[str, Any]:
    documents = [row.value for row in facts if isinstance(row.value, dict)]
    kinds = sorted({str(d["outcome"]) for d in documents if d.get("outcome") not in (None, "success")})
    state = _state(str(run.state), [task.state for task in tasks])
    if state == "failed" and quarantine and kinds == [QUARANTINED]:
        state = "quarantined"
    started = [task.start_date for task in tasks if task.start_date]
    ended = [task.end_date for task in tasks if task.end_date]
    view: dict[str, Any] = {
        "state": state,
        "run_id": run.run_id,
        "queued": seconds(run.queued_at),
        "start": seconds(min(started, default=None)),
        "end": seconds(run.end_date or (max(ended, default=None) if state in ("success", "failed") else None)),
        "tries": max((task.try_number or 0 for task in tasks), default=0),
        "task_id": _telling([(task.task_id, task.state, task.start_date) for task in tasks]),
    }
    if state in ("failed", "quarantined", "retrying"):
        view["class"] = ", ".join(kinds) or "unknown"
    if documents and documents[-1].get("size"):
        view["size"] = documents[-1]["size"]
    return view


def _state(run_state: str, task_states: Sequence[Any]) -> str:
    if run_state in ("success", "failed"):
        return run_state
    states = {str(state) for state in task_states}
    if "up_for_retry" in states:
        return "retrying"
    return "running" if states & {"running", "deferred", "restarting", "success", "failed"} else "queued"


def _telling(tasks: Sequence[tuple[str, Any, Any]]) -> str:
    """The task whose log says most: a failed one, else the last one that started."""
    failed = sorted(task_id for task_id, state, _ in tasks if str(state) in ("failed", "up_for_retry"))
    begun = sorted((start, task_id) for task_id, _, start in tasks if start)
    return failed[0] if failed else begun[-1][1] if begun else min((task_id for task_id, _, _ in tasks), default="")


def totals(batches: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for batch in batches:
        counts[batch["state"]] = counts.get(batch["state"], 0) + 1
    return {"states": counts, "cost_usd": round(sum(batch.get("cost_usd") or 0.0 for batch in batches), 6)}


def eta_seconds(batches: Sequence[Mapping[str, Any]], now: float, looked_at: int = 50) -> float | None:
    """Seconds to the end at the rate of the last ends; None until two have ended, 0 when all have."""
    ends = sorted(b["end"] for b in batches if b.get("end") and b["state"] in ("success", "failed", "quarantined"))
    left = len(batches) - len(ends)
    if not left:
        return 0.0
    recent = ends[-looked_at:]
    if len(recent) < 2 or now <= recent[0]:
        return None
    return round(left * (now - recent[0]) / (len(recent) - 1), 1)


def _cost(document: Any) -> float:
    return float(document.get("cost_usd") or 0.0) if isinstance(document, dict) else 0.0


def seconds(moment: Any) -> float | None:
    return None if moment is None else round(moment.timestamp(), 2)

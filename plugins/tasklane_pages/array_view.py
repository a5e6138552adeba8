"""The batches of an array fan-out as the page and `tasklane fanout show` get them. Pure: its document in, JSON out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A batch of nothing but bad input (exit code 2) is set aside, not failed.
QUARANTINED = "input"
# One that is submitted again for a passing reason.
_RETRYING = "retrying"
_OPEN = ("queued", "running", _RETRYING)
# States of a task that nobody looks after any more (lanes.attempts.task_states).
_OVER = ("success", "failed", "skipped", "upstream_failed", "removed")


def batch_views(
    document: Mapping[str, Any] | None, count: int, planned: Mapping[int, Mapping[str, Any]], *, quarantine: bool
) -> list[dict[str, Any]]:
    """One entry per batch, in order; without a document yet, all wait."""
    known = document or {"fields": [], "rows": [], "arrays": []}
    rows = (dict(zip(known["fields"], row, strict=True)) for row in known["rows"])
    by_index = {row["index"]: row for row in rows}
    return [
        {"index": index, "state": "waiting", **_planned(planned.get(index, {}))}
        | (_view(by_index[index], known["arrays"], quarantine=quarantine) if index in by_index else {})
        for index in range(count)
    ]


def as_ended(batches: list[dict[str, Any]], task_state: str | None) -> list[dict[str, Any]]:
    """`batches` of a fan-out whose task is over: what its trigger last saw as open was stopped with it.

    Who fails the task ends its arrays; nobody writes the document after that (the next attempt reads it).
    """
    if task_state not in _OVER:
        return batches
    why = {"state": "failed", "class": "stopped", "reason": f"stopped: its fan-out is over (its task is {task_state})"}
    return [batch | why if batch["state"] in _OPEN else batch for batch in batches]


def child_of(document: Mapping[str, Any], index: int) -> str | None:
    """The id of the job that has (or had last) this batch; None before there is one."""
    for values in document["rows"]:
        row = dict(zip(document["fields"], values, strict=True))
        if row["index"] == index and row["array"] >= 0:
            array = document["arrays"][row["array"]]
            if array["job_id"]:
                return str(array["job_id"]) if array["count"] == 1 else f"{array['job_id']}:{row['position']}"
    return None


def _view(row: Mapping[str, Any], arrays: Any, *, quarantine: bool) -> dict[str, Any]:
    state = row["state"]
    if state == "failed" and quarantine and row["kind"] == QUARANTINED:
        state = "quarantined"
    if state in ("waiting", "queued") and row["kind"]:
        state = _RETRYING
    view: dict[str, Any] = {
        "state": state,
        "start": row["start"] or None,
        "end": row["end"] or None,
        "tries": row["tries"],
        "generation": row["generation"],
        "cost_usd": row["cost_usd"],
    }
    if row["array"] >= 0:
        view |= {"size": arrays[row["array"]]["size"], "spot": arrays[row["array"]]["spot"]}
        if job := arrays[row["array"]]["job_id"]:
            view["job_id"] = job if arrays[row["array"]]["count"] == 1 else f"{job}:{row['position']}"
    if state in ("failed", "quarantined", _RETRYING):
        view |= {"class": row["kind"] or "unknown", "reason": row["reason"]}
    return view


def _planned(batch: Mapping[str, Any]) -> dict[str, Any]:
    return {name: batch[name] for name in ("items", "bytes", "size") if batch.get(name) is not None}

"""The note of a run that succeeded without some of its batches (`max_failed` allowed it)."""

from __future__ import annotations

from typing import Any


def note_what_is_missing(session: Any, dag_id: str, run_id: str) -> None:
    """Set the run's note, unless nothing is missing or a person wrote one."""
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    mine = (XComModel.dag_id == dag_id, XComModel.run_id == run_id)
    found = session.scalars(select(XComModel.value).where(*mine, XComModel.key == "fan_out_summary"))
    notes = [describe(summary) for summary in found if isinstance(summary, dict) and summary.get("state") == "partial"]
    if not notes:
        return
    run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    if run is not None and not run.note:
        run.note = "\n".join(notes)


def describe(summary: dict[str, Any]) -> str:
    classes = ", ".join(f"{len(indexes)} {kind}" for kind, indexes in sorted(summary["failed"].items()))
    missing = sorted(index for indexes in summary["failed"].values() for index in indexes)
    named = ", ".join(map(str, missing))
    return f"partial: {len(missing)} of {summary['total']} batches are missing ({classes}): {named}"

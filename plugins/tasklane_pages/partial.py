"""The note of a run that succeeded without some of its batches (`max_failed` allowed it)."""

from __future__ import annotations

from typing import Any


def note_what_is_missing(dag_run: Any) -> None:
    """Set the note unless a person wrote one. `dag_run` is in the session of the caller, who commits."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None or dag_run.note:
        return
    mine = (XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id)
    found = session.scalars(select(XComModel.value).where(*mine, XComModel.key == "fan_out_summary"))
    notes = [describe(summary) for summary in found if isinstance(summary, dict) and summary.get("state") == "partial"]
    if notes:
        dag_run.note = "\n".join(notes)


def describe(summary: dict[str, Any]) -> str:
    classes = ", ".join(f"{len(indexes)} {kind}" for kind, indexes in sorted(summary["failed"].items()))
    missing = sorted(index for indexes in summary["failed"].values() for index in indexes)
    return (
        f"partial: {len(missing)} of {summary['total']} batches are missing ({classes}): {', '.join(map(str, missing))}"
    )

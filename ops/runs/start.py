"""Start a run, and watch it until it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.runs.hold import holds
from ops.runs.lookup import ENDED, dag_path, label, run_path, task_instances

POLL_SECONDS = 3.0
Say = Callable[[str], None]


def set_paused(rest: AirflowRest, dag_id: str, paused: bool) -> None:
    rest.call("PATCH", dag_path(dag_id), query={"update_mask": ["is_paused"]}, body={"is_paused": paused})


def start_run(rest: AirflowRest, dag_id: str, date: datetime | None, conf: dict[str, Any]) -> dict[str, Any]:
    """A manual run; with `date`, the run of that logical date. UserError when that date has one already.

    The run's id is ours: MWAA gives up on a call after 10 s, Airflow does not, and the SDK sends the call again. A run
    of that id that is there after a refusal is the one that we asked for, and there is no second one.
    """
    run_id = f"manual__{datetime.now(UTC).isoformat()}_{token_hex(4)}"
    body = {"dag_run_id": run_id, "logical_date": date.isoformat() if date else None, "conf": conf}
    try:
        started = rest.find(f"{dag_path(dag_id)}/dagRuns", method="POST", body=body)
    except UserError:
        if (ours := _if_there(rest, dag_id, run_id)) is None:
            raise
        return ours
    started = started or _if_there(rest, dag_id, run_id)
    if started is not None:
        return started
    there = runs_at(rest, dag_id, date) if date else []
    if not there:
        raise UserError(f"Airflow takes no run of {dag_id} now; is it in `tasklane status {dag_id}`?")
    raise UserError(
        f"{dag_id} has a run of {date} already: {there[0]['dag_run_id']} ({there[0]['state']}); run it again with "
        f"`tasklane rerun {dag_id} '{there[0]['dag_run_id']}'`"
    )


def _if_there(rest: AirflowRest, dag_id: str, run_id: str) -> dict[str, Any] | None:
    try:
        return rest.find(run_path(dag_id, run_id))
    except UserError:  # what went wrong before says more
        return None


def why_it_waits(rest: AirflowRest, dag_id: str, run: dict[str, Any], paused: bool) -> str:
    """What keeps a queued run from starting, and what ends that; "" if nothing does that we know of."""
    hold, when = holds(rest).get(dag_id), datetime.fromisoformat(run["logical_date"] or run["run_after"])
    if paused:
        return f"{dag_id} is paused: it waits until `tasklane unpause {dag_id}`"
    if hold is not None and hold.holds(when):
        reason = f": {hold.reason}" if hold.reason else ""
        return f"{dag_id} is held from {hold.first} on by {hold.by}{reason}; it waits until `tasklane unhold {dag_id}`"
    start = datetime.fromisoformat(run["run_after"])
    return f"its time has not come: it waits until {start.isoformat()}" if start > datetime.now(UTC) else ""


def runs_at(rest: AirflowRest, dag_id: str, date: datetime) -> list[dict[str, Any]]:
    moment = date.isoformat()
    query = {"logical_date_gte": moment, "logical_date_lte": moment}
    return list(rest.call("GET", f"{dag_path(dag_id)}/dagRuns", query=query)["dag_runs"])


def follow_run(rest: AirflowRest, dag_id: str, run_id: str, say: Say, seconds: float = 0.0) -> dict[str, Any]:
    """The run as it ended; `say` gets each change of state. UserError after `seconds` (0: never)."""
    seen: dict[str, str] = {}
    began = time.monotonic()
    while True:
        run = rest.call("GET", run_path(dag_id, run_id))
        _changes(seen, "run", f"{run['state']}{_why(run)}", say)
        for task in task_instances(rest, dag_id, run_id):
            if task["state"] is not None:
                tries = f", try {task['try_number']}" if task["try_number"] > 1 else ""
                _changes(seen, label(task), f"{task['state']}{tries}", say)
        if run["state"] in ENDED:
            return run
        if seconds and time.monotonic() - began > seconds:
            raise UserError(f"{run_id} of {dag_id} is {run['state']} after {seconds:g} s; it goes on without us")
        time.sleep(POLL_SECONDS)


def _changes(seen: dict[str, str], name: str, state: str, say: Say) -> None:
    if seen.get(name) != state:
        seen[name] = state
        say(f"{name}: {state}")


def _why(run: dict[str, Any]) -> str:
    """A queued run that is held says so in its note."""
    return f" ({run['note']})" if run["state"] == "queued" and str(run["note"] or "").startswith("Held: ") else ""

"""What a DAG may do now: pause, unpause, hold, unhold; and the status of all of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.options import DryRun, Env, Json, say, show_json, show_table
from ops.runs.dates import after, moment_words
from ops.runs.hold import holds, new_hold, remove_hold, set_hold, waiting
from ops.runs.lookup import dag_details, dag_path, time_zone
from ops.runs.start import set_paused
from ops.runs.status import FAILED_HOURS, status
from ops.runs.unmade import unmade, warning
from ops.workspace import Workspace

DagId = Annotated[str, typer.Argument(help="The id of the DAG.", metavar="DAG")]


def pause(dag_id: DagId, env: Env, dry_run: DryRun = False, as_json: Json = False) -> None:
    """No new run of the DAG starts, and running ones start no further task."""
    _set(dag_id, env, paused=True, dry_run=dry_run, as_json=as_json)


def unpause(dag_id: DagId, env: Env, dry_run: DryRun = False, as_json: Json = False) -> None:
    """The DAG runs again."""
    _set(dag_id, env, paused=False, dry_run=dry_run, as_json=as_json)


def hold(
    dag_id: DagId,
    env: Env,
    later: Annotated[str, typer.Option("--after", help="Runs of this day (or moment) still go; later ones wait.")],
    reason: Annotated[str, typer.Option("--reason", help="For whoever wonders why it waits.")] = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Runs after a date wait in the queue; earlier ones, reruns of them and what already runs go on."""
    rest = AirflowRest(Workspace(env))
    details = dag_details(rest, dag_id)
    made = new_hold(dag_id, after(later, time_zone(details), "--after"), reason)
    queued = waiting(rest.all(f"{dag_path(dag_id)}/dagRuns", "dag_runs", query={"state": "queued"}), made)
    if not dry_run:
        set_hold(rest, made)
    if as_json:
        show_json({**made.as_dict(), "waiting": queued, "dry_run": dry_run})
        return
    wait = f"{dag_id} with a logical date from {moment_words(made.first, time_zone(details))} on"
    say(f"{'would hold' if dry_run else 'held'}: runs of {wait} wait; {len(queued)} are queued now")
    if limit := warning(details):
        say(limit)


def unhold(dag_id: DagId, env: Env, dry_run: DryRun = False, as_json: Json = False) -> None:
    """What was held starts, oldest first, as many at a time as the DAG allows; dates that got no run are named."""
    rest = AirflowRest(Workspace(env))
    details, held = dag_details(rest, dag_id), holds(rest).get(dag_id)
    try:
        missing = () if held is None else unmade(rest, details, held)
    except UserError as error:  # it must not keep a DAG held
        say(f"dates that got no run meanwhile are not known: {error}")
        missing = ()
    if held is None or not dry_run:
        remove_hold(rest, dag_id)
    if as_json:
        show_json({"dag_id": dag_id, "dry_run": dry_run, "without_run": [date.isoformat() for date in missing]})
        return
    say(f"{dag_id} {'would be' if dry_run else 'is'} held no more")
    if missing:
        first, last = (f"{date:%Y-%m-%dT%H:%M}" for date in (missing[0], missing[-1]))
        say(f"{len(missing)} dates got no run meanwhile, {first} to {last}; Airflow makes at most the last one itself, "
            f"the others: tasklane backfill {dag_id} --from {first} --to {last} --env {env}")  # fmt: skip


def show_status(
    env: Env,
    dag_id: Annotated[str, typer.Argument(help="Only this DAG.", metavar="[DAG]")] = "",
    as_json: Json = False,
) -> None:
    """Show runs, failures of the last 24 hours, holds and pools. Exit code 1: a failure or an import error."""
    found = status(AirflowRest(Workspace(env)), dag_id)
    if as_json:
        show_json(found)
    else:
        _show(found)
    raise typer.Exit(0 if found["healthy"] else 1)


def _show(found: dict[str, Any]) -> None:
    rows = [
        (dag["dag_id"], _state(dag), len(dag["running"]), len(dag["queued"]), len(dag["failed"]), dag["next_run"] or "")
        for dag in found["dags"]
    ]
    show_table(("DAG", "", "running", "queued", f"failed in {FAILED_HOURS} h", "next run"), rows, empty="no DAG")
    names = ("name", "slots", "running_slots", "queued_slots", "scheduled_slots", "deferred_slots")
    show_table(
        ("pool", "slots", "running", "queued", "waiting", "deferred"),
        [tuple(pool[name] for name in names) for pool in found["pools"]],
        empty="no pool",
    )
    for dag in found["dags"]:
        if held := dag["hold"]:
            why = f": {held['reason']}" if held["reason"] else ""
            say(f"held: {dag['dag_id']} from {held['first']} on by {held['by']}{why}")
        for run_id in dag["failed"]:
            say(f"failed: {dag['dag_id']} {run_id}")
    for file in found["import_errors"]:
        say(f"cannot be imported: {file}")


def _state(dag: dict[str, Any]) -> str:
    said = ["paused"] if dag["paused"] else []
    if dag["hold"]:
        said.append(f"held ({len(dag['waiting_for_hold'])} wait)")
    return ", ".join(said)


def _set(dag_id: str, env: str, *, paused: bool, dry_run: bool, as_json: bool) -> None:
    rest = AirflowRest(Workspace(env))
    was = dag_details(rest, dag_id)["is_paused"]
    if not dry_run and was != paused:
        set_paused(rest, dag_id, paused)
    if as_json:
        show_json({"dag_id": dag_id, "paused": paused, "changed": was != paused, "dry_run": dry_run})
        return
    state = "paused" if paused else "not paused"
    say(f"{dag_id} is {state} already" if was == paused else f"{dag_id} {'would be' if dry_run else 'is'} {state}")

"""Runs: start, backfill, run again, logs, status; pause and hold. The same for MWAA and for Airflow on this machine."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.options import DryRun, Env, Json, say, show_json, show_table
from ops.runs.backfill import Plan, Request, plan_backfill, start_backfill
from ops.runs.dates import at
from ops.runs.logs import show_logs, split_name
from ops.runs.lookup import dag_details, find_run, time_zone
from ops.runs.rerun import clear
from ops.runs.start import follow_run, set_paused, start_run, why_it_waits
from ops.workspace import Workspace

DagId = Annotated[str, typer.Argument(help="The id of the DAG.", metavar="DAG")]
RunId = Annotated[str, typer.Argument(help="A run id, or `latest`.", metavar="[RUN]")]
Conf = Annotated[str, typer.Option("--conf", help="The run's conf, as a JSON object.")]


def run(
    dag_id: DagId,
    env: Env,
    date: Annotated[str, typer.Option("--date", help="Logical date: 2026-11-20, or with a time. Default: none.")] = "",
    conf: Conf = "{}",
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until it ends; exit code 1 if it fails.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most; 0: for ever.")] = 0.0,
    unpause: Annotated[bool, typer.Option("--unpause", help="Unpause the DAG first, if it is paused.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Start a run of a DAG, by hand. Ctrl-C ends the watching, not the run."""
    rest = AirflowRest(Workspace(env))
    details, values = dag_details(rest, dag_id), _conf(conf)
    when = at(date, time_zone(details), "--date") if date else None
    if details["is_paused"] and not unpause:
        raise UserError(f"{dag_id} is paused: a run would wait. Give --unpause, or `tasklane unpause {dag_id}` first")
    if dry_run:
        _result({"dag_id": dag_id, "logical_date": when, "conf": values, "dry_run": True}, as_json,
                f"would start a run of {dag_id}, logical date {when or 'none'}")  # fmt: skip
        return
    if details["is_paused"]:
        set_paused(rest, dag_id, paused=False)
    started = start_run(rest, dag_id, when, values)
    say(f"started {started['dag_run_id']} of {dag_id}")
    if why := why_it_waits(rest, dag_id, started, paused=False):
        say(why)
    if wait:
        started = follow_run(rest, dag_id, started["dag_run_id"], say, timeout)
    if as_json:
        show_json({name: started[name] for name in ("dag_id", "dag_run_id", "logical_date", "state")})
    raise typer.Exit(1 if started["state"] == "failed" else 0)


def backfill(
    dag_id: DagId,
    env: Env,
    first: Annotated[str, typer.Option("--from", help="First day (or moment); it is included.")],
    last: Annotated[str, typer.Option("--to", help="Last day (or moment); it is included, to its end.")],
    max_active: Annotated[int, typer.Option("--max-active", help="Runs at a time.")] = 4,
    rerun: Annotated[str, typer.Option("--rerun", help="Dates that have a run: `failed` ones again, or `all`.")] = "",
    conf: Conf = "{}",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Run a DAG for past dates: first the plan (runs, pools, hours, cost), then, if you agree, the runs."""
    rest = AirflowRest(Workspace(env))
    plan = plan_backfill(rest, Request(dag_id, first, last, max_active, rerun, _conf(conf)))
    if not as_json:
        _show_plan(plan)
    if dry_run or not plan.dates:
        if as_json:
            show_json({**plan.as_dict(), "dry_run": dry_run, "started": None})
        return
    if not yes and not typer.confirm(f"Start {len(plan.dates)} runs?", err=True):
        raise typer.Exit(1)
    started = start_backfill(rest, plan, say)
    if as_json:
        show_json({**plan.as_dict(), "dry_run": False, "started": started})
    else:
        say(f"started: {started['runs']} runs; see `tasklane status {dag_id} --env {env}`")


def rerun(
    dag_id: DagId,
    run_id: Annotated[str, typer.Argument(help="A run id, or `latest`.", metavar="RUN")],
    env: Env,
    task: Annotated[str, typer.Option("--from", help="Only this task and all that follows it.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only what has failed.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Clear a run, or a task of it and what follows, so that it runs again."""
    rest = AirflowRest(Workspace(env))
    cleared = clear(rest, dag_id, run_id, task, failed=failed, dry_run=dry_run)
    if as_json:
        show_json({**cleared, "dry_run": dry_run})
        return
    show_table(("task", "state before"), [(t["task"], t["state"] or "") for t in cleared["tasks"]], empty="nothing")
    say(f"{'would clear' if dry_run else 'cleared'} {len(cleared['tasks'])} tasks of {cleared['run_id']}")
    paused = dag_details(rest, dag_id)["is_paused"]
    if why := why_it_waits(rest, dag_id, find_run(rest, dag_id, cleared["run_id"]), paused):
        say(why)


def logs(
    name: Annotated[str, typer.Argument(help="DAG (all tasks of the run) or DAG.TASK.", metavar="DAG[.TASK]")],
    env: Env,
    run_id: RunId = "latest",
    attempt: Annotated[int, typer.Option("--try", help="Which attempt; the newest if not given.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", help="Until it ends; exit code 1 if it fails.")] = False,
    as_json: Json = False,
) -> None:
    """Print the log of a task or of a run: Airflow's lines, and its container's."""
    rest = AirflowRest(Workspace(env))
    dag_id, task_id = split_name(rest, name)

    def show(task: str, line: str) -> None:
        print(
            json.dumps({"task": task, "line": line}) if as_json else line if task_id else f"{task} | {line}", flush=True
        )

    state = show_logs(rest, dag_id, run_id, task_id, show, attempt=attempt, follow=follow)
    if not as_json:
        say(f"{name} of {find_run(rest, dag_id, run_id)['dag_run_id']}: {state}")
    raise typer.Exit(1 if follow and state in ("failed", "upstream_failed") else 0)


def _show_plan(plan: Plan) -> None:
    facts = plan.as_dict()
    zone_name = plan.start.tzname() or "UTC"
    say(f"{plan.request.dag_id}: every run with a logical date from {plan.start:%Y-%m-%d %H:%M} to "
        f"{plan.end:%Y-%m-%d %H:%M} {zone_name}, both included")  # fmt: skip
    if not plan.dates:
        say("nothing to do: every date has its run (--rerun failed or all runs them again), or none lies in the range")
        return
    say(f"{len(plan.dates)} runs, {plan.request.max_active} at a time: {plan.dates[0].isoformat()} to "
        f"{plan.dates[-1].isoformat()}")  # fmt: skip
    if plan.measured is None:
        say("hours and cost: not known, no run has succeeded yet")
    else:
        cost = "not known" if facts["cost_usd"] is None else f"about {facts['cost_usd']} USD on demand"
        say(f"about {facts['hours']} hours ({plan.measured.runs} runs measured, median {plan.measured.seconds:.0f} s); "
            f"cost: {cost}")  # fmt: skip
        rows = [
            (pool, use["wanted"], use["slots"] or 0, _pool_words(use["wanted"], use["slots"]))
            for pool, use in facts["pool_use"].items()
        ]
        show_table(("pool", "slots wanted", "slots", ""), rows, empty="no pool use measured")
    if plan.paused:
        say("the DAG is paused: its runs wait until `tasklane unpause`")
    if plan.held:
        say(f"held: {len(plan.held)} of them wait until `tasklane unhold`")


def _pool_words(wanted: int, slots: int | None) -> str:
    if slots is None:
        return "there is no such pool: its tasks would wait for ever"
    return "some tasks wait for a slot" if slots < wanted else ""


def _result(document: dict[str, Any], as_json: bool, words: str) -> None:
    if as_json:
        show_json(document)
    else:
        say(words)


def _conf(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise UserError(f"--conf is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"--conf must be a JSON object, not {text}")
    return values

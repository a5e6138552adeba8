"""`tasklane cost`: an environment that stands still, a run before and after, teams."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

import typer

from ops.airflow_state.rest import AirflowRest
from ops.cost.cheaper import Option, cheaper
from ops.cost.facts import RunFacts, run_facts
from ops.cost.idle import Idle, idle
from ops.cost.run import Bill, bill
from ops.cost.teams import billed, by_team, run_events
from ops.deployed import build_manifest, deployed_values
from ops.errors import UserError
from ops.fan_outs.preview import preview
from ops.infrastructure.templates import synthesize, templates
from ops.options import Env, Json, say, show_json, show_table
from ops.runs.backfill import Request, plan_backfill
from ops.workspace import Workspace
from platform_spec.cost_tags import ENVIRONMENT_TAG, OWNER_TAG, PROJECT_TAG
from platform_spec.naming import PROJECT
from platform_spec.prices import REGIONS, SPOT_DISCOUNT

app = typer.Typer(no_args_is_help=True, help="What it costs: idle, before a run, after it, per team.")
DagId = Annotated[str, typer.Argument(help="The id of the DAG.", metavar="DAG")]


@app.command("idle")
def cost_idle(env: Env, as_json: Json = False) -> None:
    """Show what an environment costs while nothing runs, from its templates; which line dominates, what is cheaper."""
    workspace = Workspace(env)
    synthesize(workspace)
    found = idle(workspace.environment, templates(workspace))
    options = cheaper(workspace.environment, found)
    if as_json:
        show_json(_idle_document(workspace, found, options))
    else:
        _show_idle(workspace, found, options)


@app.command("plan")
def cost_plan(
    dag_id: DagId,
    env: Env,
    conf: Annotated[str, typer.Option(help="Of a fan-out: the run's conf, as JSON.")] = "{}",
    first: Annotated[str, typer.Option("--from", help="Of a backfill: first day, included.")] = "",
    last: Annotated[str, typer.Option("--to", help="Of a backfill: last day, included.")] = "",
    max_active: Annotated[int, typer.Option("--max-active", help="Of a backfill: runs at a time.")] = 4,
    as_json: Json = False,
) -> None:
    """Show what a fan-out (--conf) or a backfill (--from, --to) would cost, before it starts."""
    workspace = Workspace(env)
    if bool(first) != bool(last):
        raise UserError("--from and --to go together; without both, a fan-out is planned")
    if first:
        plan = plan_backfill(AirflowRest(workspace), Request(dag_id, first, last, max_active))
        why = "" if plan.cost_usd is not None else _no_backfill_cost(plan.measured is None)
        document = {"kind": "backfill", "runs": len(plan.dates), "hours": plan.as_dict()["hours"],
                    "usd": plan.cost_usd, "why_unknown": why}  # fmt: skip
    else:
        found = preview(workspace, dag_id, _conf(conf), {})
        why = found.why_no_cost
        hours = round(found.estimate.seconds / 3600, 2)
        document = {"kind": "fan-out", "batches": len(found.plan.batches), "hours": hours,
                    "usd": found.estimate.cost_usd, "why_unknown": why}  # fmt: skip
    if as_json:
        show_json({"dag_id": dag_id, **document})
        return
    count = f"{document.get('runs', document.get('batches'))} {'runs' if first else 'batches'}"
    cost = f"unknown: {why}" if why else f"about {document['usd']:.4f} USD on demand"
    say(f"{dag_id}: {count}, about {document['hours']} hours, cost {cost}")


@app.command("run")
def cost_run(
    dag_id: DagId,
    env: Env,
    run_id: Annotated[str, typer.Argument(help="A run id, or `latest`.", metavar="[RUN]")] = "latest",
    as_json: Json = False,
) -> None:
    """Show what a run's containers cost, per task and per sample, with the children of its fan-outs."""
    workspace = Workspace(env)
    read, events = partial(_read, workspace), partial(run_events, workspace)
    found = run_facts(AirflowRest(workspace), dag_id, run_id, read, events)
    deployed = build_manifest(workspace, deployed_values(workspace), "cost")
    made = bill(found, deployed.tasks, deployed.region)
    if as_json:
        facts = {"dag_id": found.dag_id, "run_id": found.run_id, "items": found.items, "without_facts": found.unread,
                 "tries_without_facts": found.unread_tries}  # fmt: skip
        show_json({**facts, **made.as_dict()})
    else:
        _show_bill(found, made)


@app.command("report")
def cost_report(
    env: Env,
    days: Annotated[int, typer.Option(min=1, max=365, help="How far back.")] = 30,
    bill_too: Annotated[
        bool, typer.Option("--bill", help="Ask Cost Explorer as well (0.01 USD; needs ce:GetCostAndUsage).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show per team what its containers cost, from the run metrics; with --bill, what AWS charged by tag."""
    workspace, until = Workspace(env), datetime.now(UTC)
    since = until - timedelta(days=days)
    owners = {name: task.owner for name, task in workspace.tasks.items()}
    teams = by_team(run_events(workspace, since, until), owners)
    charged = billed(workspace, since, until) if bill_too else None
    if as_json:
        teams_found = [team.as_dict() for team in teams]
        show_json({"days": days, "days_kept": workspace.environment.log_retention_days, "teams": teams_found,
                   "billed": charged})  # fmt: skip
        return
    rows = [
        (t.team, t.runs, f"{t.hours:.1f}", f"{t.usd:.4f}", f"{t.spot_usd:.4f}", f"{t.failed_usd:.4f}", t.without_price)
        for t in teams
    ]
    columns = ("team", "runs", "hours", "USD on demand", "of it on Spot", "of it failed", "price unknown")
    show_table(columns, rows, empty=f"no lane ran in the last {days} days")
    for team, usd in sorted((charged or {}).items(), key=lambda pair: -pair[1]):
        say(f"billed: {team or 'without the owner tag'}: {usd:.2f} USD")
    if charged == {}:
        tags = f"{PROJECT_TAG}, {ENVIRONMENT_TAG} and {OWNER_TAG}"
        say(f"billed: Cost Explorer has nothing under {PROJECT_TAG} = {PROJECT} and {ENVIRONMENT_TAG} = {env}: "
            f"activate the cost allocation tags {tags} in the payer account, and wait a day")  # fmt: skip
    kept = workspace.environment.log_retention_days
    if days > kept:
        say(f"run metrics are kept for {kept} days here (log_retention_days): older runs are not in it")


def _idle_document(workspace: Workspace, found: Idle, options: list[Option]) -> dict[str, Any]:
    dominant = found.lines[0] if found.lines and found.lines[0].usd_month else None
    return {
        "environment": workspace.environment_name,
        "region": _region(workspace),
        "usd_month": round(found.usd_month, 2),
        "lines": [line.as_dict() for line in found.lines],
        "dominant": None if dominant is None else dominant.what,
        "unknown": found.unknown,
        "by_use": [line.as_dict() for line in found.by_use],
        "not_counted": found.not_counted,
        "cheaper": [option.as_dict() for option in options],
    }


def _show_idle(workspace: Workspace, found: Idle, options: list[Option]) -> None:
    rows = [
        (
            line.what,
            f"{line.quantity:g}",
            "unknown" if line.price is None else f"{line.price.usd:g} per {line.price.per}",
            "unknown" if line.usd_month is None else f"{line.usd_month:.2f}",
        )
        for line in found.lines
    ]
    show_table(("what", "pieces", "USD", "USD a month"), rows, empty="nothing that bills by itself")
    least = "at least " if found.unknown else ""
    say(f"{workspace.environment_name} in {_region(workspace)} costs {least}{found.usd_month:.2f} USD a month idle")
    if found.usd_month:
        top = found.lines[0]
        say(f"most of it: {top.what}, {100 * (top.usd_month or 0) / found.usd_month:.0f} %")
    if found.unknown:
        known = f"; prices are known for {', '.join(REGIONS)}" if _region(workspace) not in REGIONS else ""
        say(f"price not known in this Region: {', '.join(found.unknown)}{known}")
    for option in options:
        say(f"cheaper by {option.usd_month:.2f}: {option.how} ({option.costs})")
    if options:
        say("each for itself: they touch each other, so that savings do not add up")
    say("bills by use, not in it:")
    uses = [(line.what, "unknown" if line.price is None else f"{line.price.usd:g}") for line in found.by_use]
    show_table(("what", "USD"), uses, empty="nothing")
    for source in sorted({f"{line.price.source} ({line.price.read})" for line in found.lines if line.price}):
        say(f"price: {source}")
    if found.not_counted:
        say(f"not known to this command: {', '.join(found.not_counted)}")


def _show_bill(found: RunFacts, made: Bill) -> None:
    rows = [
        (t.dag_id, t.task_id, t.lane, t.containers, f"{t.seconds:.0f}", _usd(t.usd, t.without_price))
        for t in made.tasks
    ]
    show_table(
        ("DAG", "task", "lane", "containers", "seconds", "USD"), rows, empty="no container has ended in this run"
    )
    if made.usd is not None:
        each = "" if made.usd_per_item is None else f", {made.usd_per_item:.5f} for each of {found.items} samples"
        least = "at least " if made.without_price else ""
        say(f"{found.run_id}: {least}{made.usd:.4f} USD at the list price on demand{each}")
    if made.spot_usd:
        say(f"of it {made.spot_usd:.4f} ran on Spot, which takes up to {SPOT_DISCOUNT:.0%} off: at most "
            f"{made.spot_saved_at_most:.4f} saved")  # fmt: skip
    for one in made.too_large:
        saved = "" if one.usd_saved is None else f", {one.usd_saved:.4f} USD less for this run"
        say(f"larger than it has to be: {one.task_id} at {one.size}: peak {one.peak_mib} of {one.memory_mib} MiB; "
            f"{one.fits} would do{saved}")  # fmt: skip
    for why, count in made.without_price.items():
        say(f"{count} containers have no price and are not in it: {why}")
    if found.unread_tries:
        say(f"{found.unread_tries} earlier tries left no run metrics: no container, or older than they are kept")
    if found.unread:
        say(f"{found.unread} tasks left no facts: they run, or failed before a container was known")


def _usd(known: float | None, without_price: int) -> str:
    if known is None:
        return "unknown"
    return f"{known:.4f}" + (f" and {without_price} unknown" if without_price else "")


def _read(workspace: Workspace, uri: str) -> dict[str, Any]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = workspace.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return dict(json.loads(body))


def _no_backfill_cost(unmeasured: bool) -> str:
    if unmeasured:
        return "no run has succeeded yet"
    return "not every container of the measured runs has a known price"


def _region(workspace: Workspace) -> str:
    return workspace.environment.region


def _conf(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise UserError(f"--conf is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"--conf must be a JSON object, not {text}")
    return values

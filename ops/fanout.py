"""`tasklane fanout`: see a fan-out before it runs, while it runs and after; run again what failed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.fan_outs.airflow import Waiting, find_waiting, view_of
from ops.fan_outs.html import page_with
from ops.fan_outs.preview import preview
from ops.fan_outs.resume import failed_batches, resume
from ops.options import DryRun, Env, Json, say, show_json, show_table
from ops.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="Plan, show and resume fan-outs.")
DagId = Annotated[str, typer.Argument(help="The DAG that fans out.")]
RunId = Annotated[str, typer.Argument(help="Its run; the latest one if not given.")]
TaskId = Annotated[str, typer.Option("--task", help="The fan-out task, where the DAG has more than one.")]
MARKS = {
    "success": ("■", "green"), "failed": ("×", "red"), "quarantined": ("!", "magenta"), "retrying": ("↻", "yellow"),
    "running": ("▶", "blue"), "queued": ("·", "white"), "waiting": (" ", "white"),
}  # fmt: skip


@app.command("plan")
def plan(
    dag_id: DagId,
    env: Env,
    conf: Annotated[str, typer.Option(help="The run's conf, as JSON.")] = "{}",
    as_json: Json = False,
) -> None:
    """Show batches, sizes, minutes, cost and what will hold it back; nothing is started."""
    values = _conf(conf)
    found = preview(Workspace(env), dag_id, values, {"max_parallel": float(values.get("max_parallel") or 0)})
    facts = {
        "manifest": found.uri,
        "items": len(found.plan.items),
        "items_done_before": sum(item.batch is None for item in found.plan.items),
        "batches": [batch.model_dump() for batch in found.plan.batches],
        "minutes": round(found.estimate.seconds / 60, 1),
        "longest_batch_minutes": round(found.estimate.longest_seconds / 60, 1),
        "cost_usd": None if found.estimate.cost_usd is None else round(found.estimate.cost_usd, 4),
        "bounds": [(bound.name, round(bound.seconds / 60, 1)) for bound in found.estimate.bounds],
    }
    if as_json:
        show_json(facts)
        return
    rows = [(b.index, b.items, f"{b.bytes / 1e6:.1f}", b.size or "default") for b in found.plan.batches]
    show_table(("batch", "items", "MB", "size"), rows, empty="nothing to do: every item has its result")
    cost = (
        f"cost unknown: {found.why_no_cost}"
        if facts["cost_usd"] is None
        else f"about {facts['cost_usd']} USD on demand"
    )
    say(f"{facts['items']} items ({facts['items_done_before']} done before), {len(rows)} batches of lane {found.lane}")
    say(f"about {facts['minutes']} min, longest batch {facts['longest_batch_minutes']} min, {cost}")
    if rows:
        say(f"what binds first: {found.estimate.bounds[0].name}\nplan: {found.uri}")


@app.command("show")
def show(
    dag_id: DagId,
    env: Env,
    run_id: RunId = "latest",
    task: TaskId = "",
    html: Annotated[Path | None, typer.Option(help="Write the page to this file instead.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Look again every five seconds until it ends.")] = False,
    as_json: Json = False,
) -> None:
    """Show a fan-out: its batches by state, progress, failures, slowest."""
    workspace = Workspace(env)
    rest = AirflowRest(workspace)
    while True:
        waiting = find_waiting(rest, dag_id, run_id, task)
        view = _view(workspace, rest, waiting)
        if html is not None:
            html.write_text(page_with(view))
            say(f"written: {html}")
        elif as_json:
            show_json(view)
        else:
            _draw(Console(highlight=False), view)
        if not follow or view["task_state"] in ("success", "failed", "skipped", "upstream_failed"):
            return
        time.sleep(5)


@app.command("resume")
def resume_failed(
    dag_id: DagId,
    env: Env,
    run_id: RunId = "latest",
    task: TaskId = "",
    batch: Annotated[list[int] | None, typer.Option(help="Only this batch; can be given again.")] = None,
    size: Annotated[str | None, typer.Option(help="Run them at this size of task.toml.")] = None,
    on_demand: Annotated[bool, typer.Option("--on-demand", help="Run them without Spot.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Run the failed batches again (only their failed tasks), then the steps that follow the fan-out."""
    workspace = Workspace(env)
    rest = AirflowRest(workspace)
    waiting = find_waiting(rest, dag_id, run_id, task)
    view = _view(workspace, rest, waiting)
    chosen = failed_batches(view, batch or [])
    rows = [(one["index"], one["state"], one.get("class", ""), one.get("size", "")) for one in chosen]
    show_table(("batch", "state", "class", "size"), rows, empty="nothing has failed: nothing to resume")
    if chosen and not dry_run:
        resume(workspace, rest, waiting, chosen, size=size, capacity="on_demand" if on_demand else None)
        say(f"{len(chosen)} batches of {waiting.run_id} run again; see `tasklane fanout show {dag_id} --env {env}`")


def _view(workspace: Workspace, rest: AirflowRest, waiting: Waiting) -> dict[str, Any]:
    planned = _read(workspace, waiting.info["manifest"])
    if planned is None:
        raise UserError(f"the plan {waiting.info['manifest']} does not exist (any more)")
    batches = {batch["index"]: batch for batch in planned["batches"]}
    document = _read(workspace, waiting.info["document"]) if waiting.is_array else None
    return view_of(rest, waiting, batches, time.time(), document)


def _read(workspace: Workspace, uri: str) -> dict[str, Any] | None:
    """The JSON object at `uri`; None when there is none."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        return dict(json.loads(workspace.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()))
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404", "AccessDenied", "403"):
            return None
        raise


def _draw(console: Console, view: dict[str, Any]) -> None:
    states, batches = view["totals"]["states"], view["batches"]
    console.print(f"[bold]{view['dag_id']}.{view['task_id']}[/] {view['run_id']}: {view['task_state']}", soft_wrap=True)
    counted = ", ".join(f"[{MARKS[state][1]}]{count} {state}[/]" for state, count in sorted(states.items()))
    eta = view["eta_seconds"]
    left = "" if not eta else f", about {eta / 60:.1f} min left"
    console.print(f"{len(batches)} batches: {counted}{left}")
    console.print("".join(f"[{MARKS[b['state']][1]}]{MARKS[b['state']][0]}[/]" for b in batches), soft_wrap=False)
    failed = [b for b in batches if b["state"] in ("failed", "quarantined")]
    table = Table("batch", "state", "class", "size", "tries", "child run or job", box=None, pad_edge=False)
    for b in failed[:20]:
        cells = (
            b["index"],
            b["state"],
            b["class"],
            b.get("size", ""),
            b["tries"],
            b.get("run_id") or b.get("job_id", ""),
        )
        table.add_row(*(str(cell) for cell in cells))
    if failed:
        console.print(table)


def _conf(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise UserError(f"--conf is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"--conf must be a JSON object, not {text}")
    return values

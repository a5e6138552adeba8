"""`tasklane dags`: check and upload DAGs."""

from typing import Annotated

import typer

from ops.dag_check.check import check_dags
from ops.options import DryRun, Env, Json, say, show_json, show_table
from ops.release.create import create_release
from ops.release.lock import deployment_lock
from ops.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="DAGs: check, upload.")


@app.command("upload")
def dags_upload(env: Env, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Bring the DAG bucket to this source, as a release: only what differs is written, the manifest last."""
    workspace = Workspace(env)
    if dry_run:
        outcome = create_release(workspace, say, dry_run=True)
    else:
        with deployment_lock(workspace, "dags upload"):
            outcome = create_release(workspace, say)
    if as_json:
        show_json({**vars(outcome.changes), "release": outcome.release.id, "dry_run": dry_run})


@app.command("check")
def dags_check(
    env: Env,
    budget: Annotated[float, typer.Option(help="CPU seconds that importing one file may take.")] = 10.0,
    as_json: Json = False,
) -> None:
    """Import every DAG under the environment's Airflow version and judge it, offline. Exit code 1: findings."""
    checked = check_dags(Workspace(env), budget_seconds=budget)
    if as_json:
        show_json({"files": checked.files, "findings": [finding.as_dict() for finding in checked.findings]})
    else:
        rows = [
            (file["file"], ", ".join(dag["dag_id"] for dag in file.get("dags", [])), file.get("cpu_seconds", ""))
            for file in checked.files
        ]
        show_table(("file", "DAGs", "CPU seconds"), rows, empty="there is no DAG file")
        for finding in checked.findings:
            say(str(finding))
        say(f"{len(checked.files)} files, {checked.cpu_seconds} s of CPU, {len(checked.findings)} findings")
    raise typer.Exit(1 if checked.findings else 0)

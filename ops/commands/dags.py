"""`tasklane dags`: check and upload DAGs."""

import typer

from ops.options import DryRun, Env, Json, say, show_json
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

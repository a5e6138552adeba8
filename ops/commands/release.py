"""`tasklane release`: plan, create, list, show, compare, promote, roll back."""

from typing import Annotated

import typer

from ops.options import DryRun, Env, Json, say, show_json, show_table
from ops.release.create import create_release
from ops.release.lock import deployment_lock
from ops.release.store import ReleaseStore
from ops.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="Releases: what runs in an environment, under one id.")

ReleaseId = Annotated[str, typer.Argument(help="A release id or its beginning, `latest` or `running`.", metavar="ID")]


@app.command("create")
def release_create(env: Env, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Make what is deployed and in this source the running release."""
    workspace = Workspace(env)
    if dry_run:
        outcome = create_release(workspace, say, dry_run=True)
    else:
        with deployment_lock(workspace, "release create"):
            outcome = create_release(workspace, say)
    if as_json:
        show_json({**outcome.as_dict(), "dry_run": dry_run})


@app.command("list")
def release_list(env: Env, as_json: Json = False) -> None:
    """List the releases of an environment, newest first, and which one runs."""
    store = ReleaseStore(Workspace(env))
    running, activations = store.running_id(), {a["release"]: a for a in store.activations()}
    found = [store.get(release_id) for release_id in reversed(store.ids())]
    if as_json:
        show_json([{"id": r.id, "created": r.created, "author": r.author, "running": r.id == running} for r in found])
        return
    rows = [
        (
            "*" if r.id == running else "",
            r.id,
            r.author,
            r.promoted_from,
            activations.get(r.id, {}).get("when", "never"),
        )
        for r in found
    ]
    show_table(("", "release", "author", "promoted from", "last activated"), rows, empty="there is no release yet")


@app.command("show")
def release_show(release_id: ReleaseId, env: Env) -> None:
    """Print the record of a release as JSON."""
    show_json(ReleaseStore(Workspace(env)).get(release_id).model_dump(mode="json"))

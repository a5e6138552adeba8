"""`tasklane release`: plan, create, list, show, compare, promote, roll back."""

from typing import Annotated

import typer

from ops.options import DryRun, Env, Json, say, show_json, show_table
from ops.release.compare import compare, contents, lines
from ops.release.create import create_release
from ops.release.lock import deployment_lock
from ops.release.plan import as_markdown, plan_release
from ops.release.promote import check, promote
from ops.release.rollback import plan_rollback, roll_back
from ops.release.store import ReleaseStore
from ops.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="Releases: what runs in an environment, under one id.")

ReleaseId = Annotated[str, typer.Argument(help="A release id or its beginning, `latest` or `running`.", metavar="ID")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print it as the comment of a pull request.")]
NoImages = Annotated[bool, typer.Option("--without-images", help="Do not look at images.")]


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
def release_show(release_id: ReleaseId, env: Env, as_json: Json = False) -> None:
    """Show what a release is made of; with --json its whole record."""
    release = ReleaseStore(Workspace(env)).get(release_id)
    if as_json:
        show_json(release.model_dump(mode="json"))
        return
    show_table(("part", "name", "what"), contents(release), empty="")


@app.command("plan")
def release_plan(env: Env, as_json: Json = False, markdown: Markdown = False, without_images: NoImages = False) -> None:
    """Show what a deployment of this source would change, and the downtime of Airflow that it means."""
    plan = plan_release(Workspace(env), images=not without_images)
    if as_json:
        show_json(plan.as_dict())
    elif markdown:
        print(as_markdown(plan, env))
    else:
        say(as_markdown(plan, env).replace("### ", "").replace("**", "").replace("`", ""))


@app.command("diff")
def release_diff(old: ReleaseId, new: ReleaseId, env: Env, as_json: Json = False) -> None:
    """Compare two releases of an environment."""
    store = ReleaseStore(Workspace(env))
    difference = compare(store.get(old), store.get(new))
    if as_json:
        show_json(difference)
        return
    show_table(("part", "name", difference["from"], difference["to"]), lines(difference), empty="the same content")


@app.command("promote")
def release_promote(
    release_id: ReleaseId,
    from_env: Annotated[str, typer.Option("--from", help="The environment that the release runs in.")],
    to_env: Annotated[str, typer.Option("--to", help="The environment that it shall run in.")],
    any_revision: Annotated[bool, typer.Option("--any-revision", help="Use this checkout anyway.")] = False,
    read_as_role: Annotated[
        bool, typer.Option("--read-as-role", help="Read the release as the plan role of its environment (pipelines).")
    ] = False,
    without_airflow: Annotated[bool, typer.Option("--without-airflow", help="As in `deploy`.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Run a tested release in the next environment: same digests, same DAGs, nothing is built."""
    source, target = Workspace(from_env, reads_as_role=read_as_role), Workspace(to_env)
    if dry_run:
        release = ReleaseStore(source).get(release_id)
        digests = check(release, target, any_revision=any_revision)
        if as_json:
            show_json({"dry_run": True, "release": release.id, "digests": digests})
            return
        say(f"would run {release.id} of {from_env} in {to_env}: {len(release.dags)} DAG files and the images")
        show_table(("task", "digest"), list(digests.items()), empty="there is no task")
        return
    outcome = promote(source, target, release_id, say, any_revision=any_revision, airflow=not without_airflow)
    if as_json:
        show_json({**outcome.as_dict(), "dry_run": False})


@app.command("rollback")
def release_rollback(
    env: Env,
    release_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Default: the release before this.")] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Run an earlier release again: DAGs and task revisions in seconds."""
    workspace = Workspace(env)
    plan = plan_rollback(workspace, release_id)
    if not dry_run:
        with deployment_lock(workspace, "release rollback"):
            roll_back(workspace, say, plan)
    if as_json:
        show_json({**plan.as_dict(), "dry_run": dry_run})
    elif dry_run:
        changes = plan.changes
        say(
            f"would run {plan.release.id}: {len(changes.added) + len(changes.changed)} files to write, "
            f"{len(changes.removed)} to remove; environment update: {', '.join(plan.environment_update) or 'none'}"
        )

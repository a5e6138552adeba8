"""`tasklane images`: build, push and list task images."""

from typing import Annotated

import typer

from ops.errors import UserError
from ops.images.repositories import pushed_images
from ops.images.ship import build, chosen, image_states, push
from ops.options import DryRun, Env, Json, say, show_json, show_table
from ops.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="Task images: build, push, list.")

Tasks = Annotated[list[str] | None, typer.Argument(help="Tasks; none = all.", metavar="[TASK]...")]
BuildArguments = Annotated[list[str] | None, typer.Option("--build-arg", help="NAME=VALUE for the Dockerfile's ARG.")]


@app.command("build")
def images_build(
    env: Env, tasks: Tasks = None, build_arg: BuildArguments = None, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Build the images whose source was not built here before."""
    workspace = Workspace(env)
    states = image_states(workspace, chosen(workspace, tasks or []), ask_registry=False)
    if not dry_run:
        build(workspace, states, say, _arguments(build_arg))
    _show([{**state.as_dict(), "action": "none" if state.built else "build"} for state in states], as_json, dry_run)


@app.command("push")
def images_push(
    env: Env, tasks: Tasks = None, build_arg: BuildArguments = None, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Bring the registry to this source: build and push what it does not have."""
    workspace = Workspace(env)
    states = image_states(workspace, chosen(workspace, tasks or []))
    planned = {state.task: state.action for state in states}
    if not dry_run:
        build(workspace, states, say, _arguments(build_arg))
        states = push(workspace, states, say)
    _show([{**state.as_dict(), "action": planned[state.task]} for state in states], as_json, dry_run)


@app.command("list")
def images_list(env: Env, tasks: Tasks = None, as_json: Json = False) -> None:
    """List what the registry holds, newest first."""
    workspace = Workspace(env)
    current = {s.task: s.tag for s in image_states(workspace, chosen(workspace, tasks or []), ask_registry=False)}
    found = [image for task in current for image in pushed_images(workspace, task)]
    if as_json:
        show_json([{**vars(image), "current": image.tag == current[image.task]} for image in found])
        return
    rows = [
        (i.task, i.tag, i.digest[:19], f"{i.megabytes} MB", f"{i.pushed:%Y-%m-%d %H:%M}",
         "this source" if i.tag == current[i.task] else "")
        for i in found
    ]  # fmt: skip
    show_table(("task", "tag", "digest", "size", "pushed", ""), rows, empty="no image was pushed yet")


def _arguments(given: list[str] | None) -> dict[str, str]:
    wrong = [word for word in given or [] if "=" not in word]
    if wrong:
        raise UserError(f"--build-arg {wrong[0]}: not of the form NAME=VALUE")
    return dict(word.split("=", 1) for word in given or [])


def _show(results: list[dict[str, object]], as_json: bool, dry_run: bool) -> None:
    if as_json:
        show_json({"dry_run": dry_run, "images": results})
        return
    rows = [(r["task"], r["tag"], r["action"], str(r["digest"])[:19]) for r in results]
    show_table(("task", "tag", "would do" if dry_run else "done", "digest"), rows, empty="there is no task")

"""`tasklane virtualenvs`: publish what tasks on Airflow's workers are made of."""

from typing import Annotated

import typer

from ops.options import DryRun, Env, Json, say, show_json, show_table
from ops.virtualenvs.publish import bundle_states, publish, worker_tasks
from ops.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="Environments of light tasks: publish, list.")

Tasks = Annotated[list[str] | None, typer.Argument(help="Tasks; none = all.", metavar="[TASK]...")]


@app.command("publish")
def virtualenvs_publish(env: Env, tasks: Tasks = None, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Bring source and wheels of this checkout to the DAG bucket (each `dags upload` and `deploy` does it too)."""
    workspace = Workspace(env)
    states = bundle_states(workspace, worker_tasks(workspace, tasks or []))
    if not dry_run:
        publish(workspace, states, say)
    if as_json:
        show_json({"dry_run": dry_run, "virtualenvs": [state.as_dict() for state in states]})
        return
    rows = [(state.task, state.tag, state.as_dict()["action"]) for state in states]
    show_table(("task", "tag", "would do" if dry_run else "done"), rows, empty="there is no task of lane virtualenv")

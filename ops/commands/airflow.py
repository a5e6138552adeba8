"""`tasklane airflow`: pools, variables and connections as the environment file declares them, and a smoke run."""

import typer

from ops.airflow_state.apply import apply_state
from ops.airflow_state.plan import Action, plan_state
from ops.airflow_state.rest import AirflowRest
from ops.options import DryRun, Env, Json, say, show_json, show_table
from ops.release.store import ReleaseStore
from ops.smoke import DAG, smoke_run
from ops.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="Airflow's pools, variables and connections; a smoke run.")


@app.command("plan")
def airflow_plan(env: Env, as_json: Json = False) -> None:
    """Show what `airflow apply` would change."""
    workspace = Workspace(env)
    _show(plan_state(workspace, AirflowRest(workspace)), as_json)


@app.command("apply")
def airflow_apply(env: Env, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Bring Airflow to what the environment file declares; what people made by hand is left alone."""
    workspace = Workspace(env)
    rest = AirflowRest(workspace)
    actions = plan_state(workspace, rest)
    if not dry_run:
        apply_state(workspace, rest, actions, say)
    if as_json or dry_run:
        _show(actions, as_json)


@app.command("drift")
def airflow_drift(env: Env, as_json: Json = False) -> None:
    """Exit with 1 when Airflow is not what the environment file declares."""
    workspace = Workspace(env)
    actions = [action for action in plan_state(workspace, AirflowRest(workspace)) if action.do != "leave"]
    _show(actions, as_json)
    raise typer.Exit(1 if actions else 0)


@app.command("smoke")
def airflow_smoke(env: Env, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Run the DAG `tasklane_smoke` and see that it runs the current release."""
    workspace = Workspace(env)
    if dry_run:
        result = {"dry_run": True, "dag": DAG, "release": ReleaseStore(workspace).running_id()}
        say(f"would run {DAG} and look for release {result['release'] or '(none runs yet)'}")
    else:
        result = smoke_run(workspace, say)
    if as_json:
        show_json(result)


def _show(actions: list[Action], as_json: bool) -> None:
    if as_json:
        show_json([action.as_dict() for action in actions])
        return
    rows = [(action.do, action.kind, action.name, action.what) for action in actions]
    show_table(("", "kind", "name", "what"), rows, empty="nothing to do")

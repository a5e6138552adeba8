"""`tasklane`: the project's command line. This module names the commands; the work is in one module per noun."""

import subprocess
import sys
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from ops.commands import (
    airflow,
    checks,
    cost,
    dag_state,
    dags,
    images,
    kubernetes,
    release,
    runs,
    schedule,
    virtualenvs,
)
from ops.deploy import Choices
from ops.deploy import deploy as deploy_environment
from ops.deploy_plan import DeployPlan, plan_deploy
from ops.destroy import destroy as destroy_environment
from ops.destroy import plan_destroy
from ops.errors import UserError
from ops.fanout import app as fanout
from ops.infrastructure.templates import output_folder, synthesize, templates
from ops.options import DryRun, Env, Json, err, say, show_json
from ops.workspace import ROOT, Workspace
from platform_spec.errors import SpecError
from platform_spec.manifest import ManifestError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
for noun, commands in (("airflow", airflow.app), ("dags", dags.app), ("images", images.app), ("release", release.app)):
    app.add_typer(commands, name=noun)
app.add_typer(fanout, name="fanout")
app.add_typer(schedule.app, name="schedule")
app.add_typer(cost.app, name="cost")
app.add_typer(virtualenvs.app, name="virtualenvs")
app.add_typer(kubernetes.app, name="kubernetes")

WithoutImages = Annotated[
    bool, typer.Option("--without-images", help="Build and push nothing; images stay as they are deployed.")
]
WithoutAirflow = Annotated[
    bool,
    typer.Option("--without-airflow", help="No pools, variables, connections, smoke run."),
]

app.command()(checks.doctor)
app.command()(checks.preflight)
app.command()(runs.run)
app.command()(runs.backfill)
app.command()(runs.rerun)
app.command()(runs.logs)
app.command()(dag_state.pause)
app.command()(dag_state.unpause)
app.command()(dag_state.hold)
app.command()(dag_state.unhold)
app.command("status")(dag_state.show_status)


@app.command()
def synth(env: Env, as_json: Json = False) -> None:
    """Synthesize the CloudFormation templates of an environment to cdk.out/<env>, without an account or a network."""
    workspace = Workspace(env)
    made = synthesize(workspace)
    if as_json:
        folder = output_folder(workspace)
        show_json({"folder": str(folder), "changed": made, "stacks": list(templates(workspace))})
        return
    say(f"templates: cdk.out/{env}" + ("" if made else " (unchanged)"))


@app.command()
def deploy(
    env: Env,
    without_images: WithoutImages = False,
    without_airflow: WithoutAirflow = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Deploy everything: stacks, images, DAGs, as one release. Can be repeated after a failure at any step."""
    workspace, choices = Workspace(env), Choices(images=not without_images, airflow=not without_airflow)
    if dry_run:
        _show_plan(plan_deploy(workspace, choices), as_json)
        return
    outcome = deploy_environment(workspace, say, choices)
    if as_json:
        show_json({**outcome.as_dict(), "dry_run": False})


def _show_plan(plan: DeployPlan, as_json: bool) -> None:
    if as_json:
        show_json(plan.as_dict())
        return
    for step in plan.steps:
        say(f"{step.name}: " + ("nothing to do" if not step.would else f"would {step.would[0]}"))
        for line in step.would[1:]:
            say(f"{' ' * len(step.name)}  would {line}")
    for line in plan.downtime:
        say(line)


@app.command()
def destroy(
    env: Env,
    name: Annotated[str, typer.Option("--name", help="The environment's name once more; asked for if not given.")] = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Remove an environment; where data is kept (keeps_data), buckets, key and images stay."""
    workspace = Workspace(env)
    if dry_run:
        stacks = plan_destroy(workspace)
        say(f"would remove: {', '.join(stacks) or 'nothing'}")
    else:
        typed = name or typer.prompt(f"Type the name of the environment to remove ({env})", err=True)
        stacks = destroy_environment(workspace, typed, say)
    if as_json:
        show_json({"dry_run": dry_run, "stacks": stacks})


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def local(context: typer.Context) -> None:
    """Start, stop and look at the environment on this machine (up, down, status, logs)."""
    # A program of its own: nothing that reaches AWS imports the emulator's side.
    raise typer.Exit(subprocess.run([sys.executable, "-m", "local", *context.args], cwd=ROOT, check=False).returncode)


def run() -> None:
    """Entry point: expected errors become one message and exit code 1; Ctrl-C ends with 130, as shells expect."""
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (UserError, SpecError, ManifestError, BotoCoreError, ClientError) as error:
        err.print(f"tasklane: {error}", style="red", markup=False, soft_wrap=True)
        raise SystemExit(1) from None

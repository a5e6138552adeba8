"""`tasklane`: the project's command line. This module names the commands; the work is in one module per noun."""

import subprocess
import sys
from dataclasses import asdict

import typer
from botocore.exceptions import BotoCoreError, ClientError

from ops.cdk import run_cdk
from ops.commands import images
from ops.deploy import deploy as deploy_environment
from ops.deploy import upload_dags
from ops.errors import UserError
from ops.options import DryRun, Env, Json, err, show_json
from ops.workspace import ROOT, Workspace
from platform_spec.errors import SpecError
from platform_spec.manifest import ManifestError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
dags = typer.Typer(no_args_is_help=True, help="The DAGs in the bucket.")
app.add_typer(dags, name="dags")

app.add_typer(images.app, name="images")


@app.command()
def synth(env: Env) -> None:
    """Synthesize the CloudFormation templates of an environment to cdk.out/<env>, without an account or a network."""
    run_cdk(Workspace(env), ["synth", "--quiet", "--output", f"cdk.out/{env}"], offline=True)
    err.print(f"templates: cdk.out/{env}")


@app.command()
def deploy(env: Env) -> None:
    """Deploy the stacks of an environment with `cdk deploy --all`, then its DAGs."""
    deploy_environment(Workspace(env), err.print)


@dags.command("upload")
def dags_upload(env: Env, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Bring the DAG bucket to this source: only what differs is written, the manifest last."""
    changes = upload_dags(Workspace(env), err.print, dry_run=dry_run)
    if as_json:
        show_json({**asdict(changes), "dry_run": dry_run})


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def local(context: typer.Context) -> None:
    """Start, stop and look at the environment on this machine (up, down, status, logs)."""
    # A program of its own: nothing that reaches AWS imports the emulator's side.
    raise typer.Exit(subprocess.run([sys.executable, "-m", "local", *context.args], cwd=ROOT, check=False).returncode)


def run() -> None:
    """Entry point: expected errors become one message and exit code 1."""
    try:
        app()
    except (UserError, SpecError, ManifestError, BotoCoreError, ClientError) as error:
        err.print(f"tasklane: {error}", style="red", markup=False, soft_wrap=True)
        raise SystemExit(1) from None

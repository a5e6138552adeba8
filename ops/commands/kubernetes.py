"""`tasklane kubernetes`: what a cluster must have before it can run tasks of the lane kubernetes."""

import json

import typer

from ops.errors import UserError
from ops.options import Env
from ops.workspace import Workspace
from platform_spec.kubernetes import cluster_objects

app = typer.Typer(no_args_is_help=True, help="Tasks in a Kubernetes cluster: the objects they need there.")


@app.callback()
def kubernetes() -> None:
    """Nothing is changed in a cluster: that is kubectl's, with the rights of who runs it."""


@app.command("objects")
def kubernetes_objects(env: Env) -> None:
    """Namespace, service accounts with their roles, and Airflow's rights, as JSON for `kubectl apply -f -`."""
    workspace = Workspace(env)
    if workspace.environment.kubernetes is None:
        raise UserError(
            f"environments/{env}.toml has no table [kubernetes], so no cluster runs its tasks; add cluster, namespace "
            f"and oidc_issuer (docs/lanes.md)"
        )
    tasks = [task for task in workspace.tasks.values() if task.lane == "kubernetes"]
    items = cluster_objects(workspace.environment, workspace.names, tasks)
    typer.echo(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2))

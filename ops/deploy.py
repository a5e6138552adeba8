"""Deploy an environment: bootstrap where needed, the stacks, then the DAGs with the manifest of what was deployed."""

from collections.abc import Callable

from botocore.exceptions import ClientError

from ops.cdk import parameters, run_cdk
from ops.dags import Changes, upload
from ops.deployed import build_manifest, deployed_values
from ops.plugins import upload_plugins
from ops.release import source_release
from ops.workspace import Workspace

Say = Callable[[str], None]
DEPLOY = ("deploy", "--require-approval", "never", "--progress", "events", "--app")
CREATED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"}


def deploy(workspace: Workspace, say: Say) -> Changes:
    """Bring the environment to this source; every step can be repeated. Returns the changes of the DAG folder.

    The templates are synthesized once. The storage stack comes first on an empty account, because the Airflow stack
    names an object version that must already be in the bucket.
    """
    templates = f"cdk.out/{workspace.environment_name}"
    names, environment = workspace.names, workspace.environment
    say("synth: templates of all stacks")
    run_cdk(workspace, ["synth", "--quiet", "--output", templates])
    if not stack_exists(workspace, "CDKToolkit"):
        say("bootstrap: preparing account and Region for the CDK")
        run_cdk(workspace, ["bootstrap", f"aws://{environment.account}/{environment.region}", "--app", templates])
    if not stack_exists(workspace, names.stack("storage")):
        say("stacks: storage")
        run_cdk(workspace, [*DEPLOY, templates, names.stack("storage")])
    plugins = upload_plugins(workspace)
    say("stacks: all")
    run_cdk(workspace, [*DEPLOY, templates, "--all", *parameters(names.stack("airflow"), {"PluginsVersion": plugins})])
    return upload_dags(workspace, say)


def upload_dags(workspace: Workspace, say: Say, *, dry_run: bool = False) -> Changes:
    """Upload DAGs and manifest of what is deployed now."""
    manifest = build_manifest(workspace, deployed_values(workspace), source_release(workspace.root))
    changes = upload(workspace, manifest, dry_run=dry_run)
    say(
        f"dags: {len(changes.added)} added, {len(changes.changed)} changed, {len(changes.removed)} removed, "
        f"{changes.unchanged} unchanged, release {manifest.release}"
    )
    return changes


def stack_exists(workspace: Workspace, name: str) -> bool:
    """Whether the stack was created to its end."""
    try:
        stacks = workspace.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # "Stack with id … does not exist"
            return False
        raise
    return stacks[0]["StackStatus"] in CREATED

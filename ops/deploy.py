"""Deploy an environment: bootstrap where needed, the stacks, then the DAGs with the manifest of what was deployed."""

from collections.abc import Callable

from botocore.exceptions import ClientError

from ops.cdk import run_cdk
from ops.dags import Changes, upload
from ops.deployed import build_manifest, deployed_values
from ops.release import source_release
from ops.workspace import Workspace

Say = Callable[[str], None]


def deploy(workspace: Workspace, say: Say, *, outdir: str) -> Changes:
    """Bring the environment to this source; every step can be repeated. Returns the changes of the DAG folder."""
    if not is_bootstrapped(workspace):
        environment = workspace.environment
        say("bootstrap: preparing account and Region for the CDK")
        run_cdk(workspace, ["bootstrap", f"aws://{environment.account}/{environment.region}", "--output", outdir])
    say("stacks: cdk deploy --all")
    run_cdk(workspace, ["deploy", "--all", "--require-approval", "never", "--progress", "events", "--output", outdir])
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


def is_bootstrapped(workspace: Workspace) -> bool:
    """Whether the CDK's own stack is there."""
    try:
        stacks = workspace.client("cloudformation").describe_stacks(StackName="CDKToolkit")["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # "Stack with id CDKToolkit does not exist"
            return False
        raise
    return str(stacks[0]["StackStatus"]).endswith("_COMPLETE") and "ROLLBACK" not in stacks[0]["StackStatus"]

"""Deploy an environment from whatever state it is in: every step looks first, and can be repeated.

Bootstrap, templates, the stacks that images and files need, images, files for MWAA, all other stacks, the release.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from ops.airflow_state.apply import apply_state
from ops.airflow_state.plan import plan_state
from ops.airflow_state.rest import AirflowRest
from ops.cdk import parameters, run_cdk
from ops.errors import UserError
from ops.images.ship import build, chosen, image_states, push
from ops.infrastructure.changes import Parameters, image_settings, stack_changes
from ops.infrastructure.stacks import busy_stacks, failure, free_failed_creations, settled, stack_exists
from ops.infrastructure.templates import synthesize, templates
from ops.mwaa_files import mwaa_files, upload_mwaa_files
from ops.release.create import Outcome, create_release
from ops.release.lock import deployment_lock
from ops.smoke import smoke_run
from ops.workspace import Workspace

Say = Callable[[str], None]
MWAA_MINUTES = 120
FOUNDATION = ("storage", "network", "registry")


@dataclass(frozen=True)
class Choices:
    """`images` False leaves every image as it is deployed, but for those in `digests` (task → digest).

    `airflow` False leaves Airflow alone: no pools, variables and connections, no smoke run.
    `dags` and `promoted_from` are those of a release that comes from another environment.
    """

    images: bool = True
    airflow: bool = True
    digests: Mapping[str, str] = field(default_factory=dict)
    dags: Mapping[str, bytes] | None = None
    promoted_from: str = ""


def deploy(workspace: Workspace, say: Say, choices: Choices | None = None) -> Outcome:
    """Bring the environment to this source. Returns the release."""
    foundation(workspace, say)
    with deployment_lock(workspace, "deploy"):
        return deploy_on_foundation(workspace, say, choices or Choices())


def foundation(workspace: Workspace, say: Say) -> None:
    """Account, buckets, repositories: what must be there before anything can be put into it."""
    with ThreadPoolExecutor() as pool:  # neither needs the other
        bootstrapped = pool.submit(bootstrap, workspace, say)
        if synthesize(workspace):
            say("templates: synthesized")
        bootstrapped.result()
    wanted = templates(workspace)
    needed = [workspace.names.stack(part) for part in FOUNDATION]
    missing = [name for name in needed if name in wanted and not stack_exists(workspace, name)]
    if missing:
        wait_for_cloudformation(workspace, missing, say)
        deploy_stacks(workspace, missing, {}, say)


def bootstrap(workspace: Workspace, say: Say) -> None:
    """`cdk bootstrap` of account and Region, once."""
    wait_for_cloudformation(workspace, ["CDKToolkit"], say)
    if stack_exists(workspace, "CDKToolkit"):
        return
    say("bootstrap: preparing account and Region for the CDK")
    log = workspace.root / "cdk.out" / f"{workspace.environment_name}-bootstrap.log"
    environment = workspace.environment
    run_cdk(workspace, ["bootstrap", f"aws://{environment.account}/{environment.region}"], log=log)


def deploy_on_foundation(workspace: Workspace, say: Say, choices: Choices) -> Outcome:
    """Images, files, stacks, release; the caller holds the lock."""
    wait_for_cloudformation(workspace, templates(workspace), say)
    registry = workspace.names.stack("registry")  # a new task's repository must be there before its image
    deploy_stacks(workspace, [c.stack for c in stack_changes(workspace, {}) if c.stack == registry], {}, say)
    settings = {
        **image_values(workspace, choices, say),
        workspace.names.stack("airflow"): upload_mwaa_files(workspace, mwaa_files(workspace)),
    }
    changes = stack_changes(workspace, settings)
    for change in changes:
        say(f"stacks: {change.stack}: {change.kind}" + (f"; {change.downtime}" if change.downtime else ""))
    deploy_stacks(workspace, [change.stack for change in changes], settings, say)
    outcome = create_release(workspace, say, promoted_from=choices.promoted_from, dags=choices.dags)
    if choices.airflow:
        rest = AirflowRest(workspace)
        apply_state(workspace, rest, plan_state(workspace, rest), say)
        smoke_run(workspace, say)
    return outcome


def wait_for_cloudformation(workspace: Workspace, names: Iterable[str], say: Say) -> None:
    """A deployment that was killed leaves CloudFormation at work, and it takes no second order for the same stack."""
    for name in busy_stacks(workspace, names):
        say(f"stacks: {name}: waiting for CloudFormation to end what was begun")
        settled(workspace, name, minutes=MWAA_MINUTES)


def image_values(workspace: Workspace, choices: Choices, say: Say) -> dict[str, dict[str, str]]:
    """Stack → parameter → `@sha256:…`, for every image the registry has."""
    digests = dict(choices.digests)
    if choices.images:
        states = image_states(workspace, [task for task in chosen(workspace, []) if task.name not in digests])
        build(workspace, states, say, {})
        digests |= {state.task: state.digest for state in push(workspace, states, say)}
    return image_settings(workspace, {task: f"@{digest}" for task, digest in digests.items()})


def deploy_stacks(workspace: Workspace, names: list[str], settings: Parameters, say: Say) -> None:
    """`cdk deploy` of exactly these; UserError names the resource that failed and why, the rest is in the log."""
    if not names:
        return
    log = workspace.root / "cdk.out" / f"{workspace.environment_name}-deploy.log"
    log.unlink(missing_ok=True)
    given = [word for stack in names for word in parameters(stack, settings.get(stack, {}))]
    for name in free_failed_creations(workspace, names):
        say(f"stacks: {name}: its creation was rolled back; it is removed and created anew")
    argv = ["deploy", "--require-approval", "never", "--progress", "events", "--exclusively"]
    argv += ["--app", output_app(workspace), *names, *given]
    say(f"stacks: deploying {', '.join(names)}")
    try:
        run_cdk(workspace, argv, log=log)
    except UserError as error:
        causes = [text for name in names if (text := _cause(workspace, name))]
        if not causes:
            raise
        raise UserError("CloudFormation rolled back:\n" + "\n".join(causes) + f"\n    all events: {log}") from error


def _cause(workspace: Workspace, name: str) -> str:
    try:
        return failure(workspace, name)
    except ClientError:  # the stack was never begun
        return ""


def output_app(workspace: Workspace) -> str:
    """The synthesized templates, as the CDK CLI takes them in place of the app."""
    return f"cdk.out/{workspace.environment_name}"

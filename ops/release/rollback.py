"""`release rollback`: an earlier release runs again, from what was kept when it was made.

DAGs and task revisions come back by writing DAG files and manifest: seconds, no CloudFormation. The MWAA environment
is updated only if plugins, requirements or startup script were others.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ops.dags import Changes, plan_upload, upload
from ops.deployed import build_manifest, deployed_values
from ops.errors import UserError
from ops.infrastructure.stacks import deployed_stack, set_parameters
from ops.mwaa_files import PARAMETERS
from ops.objects import Bucket
from ops.release.record import Release
from ops.release.store import ReleaseStore
from ops.source import author
from ops.workspace import Workspace
from platform_spec.lanes import stack_of
from platform_spec.manifest import FILE_NAME, Manifest
from platform_spec.naming import image_parameter

Say = Callable[[str], None]
MWAA_MINUTES, COMPUTE_MINUTES = 120, 30


@dataclass(frozen=True)
class Rollback:
    """What a rollback does, or did."""

    release: Release
    changes: Changes
    environment_update: tuple[str, ...]
    task_revisions_gone: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        return {
            "release": self.release.id,
            "dags": vars(self.changes),
            "environment_update": list(self.environment_update),
            "task_revisions_gone": list(self.task_revisions_gone),
        }


def previous_release(store: ReleaseStore) -> str:
    """The release that ran before the running one; UserError when there was none."""
    ran = [activation["release"] for activation in store.activations()]
    running = store.running_id()
    earlier = [release_id for release_id in ran if release_id != running]
    if not earlier:
        raise UserError("no earlier release was ever active here; see `tasklane release list`")
    return str(earlier[-1])


def plan_rollback(workspace: Workspace, release_id: str | None) -> Rollback:
    """Look at everything, change nothing."""
    store = ReleaseStore(workspace)
    release = store.get(release_id or previous_release(store))
    files = store.blobs(release.dags)
    changes = plan_upload(workspace, {**files, FILE_NAME: release.manifest.to_json().encode()})
    stack = deployed_stack(workspace, workspace.names.stack("airflow"))
    given = stack.parameters if stack else {}
    moved = tuple(key for parameter, key in PARAMETERS.items() if given.get(parameter, "") != _version(release, key))
    gone = tuple(task for task, arn in release.task_definitions.items() if not _is_active(workspace, arn))
    return Rollback(release, changes, moved, gone)


def roll_back(workspace: Workspace, say: Say, plan: Rollback) -> None:
    """Carry out a plan; the caller holds the lock."""
    store, release = ReleaseStore(workspace), plan.release
    manifest = _with_new_revisions(workspace, say, plan) if plan.task_revisions_gone else release.manifest
    if plan.environment_update:
        names = ", ".join(plan.environment_update)
        say(f"rollback: {names} differ: MWAA updates the environment, 20-60 minutes")
        versions = {p: _restored_version(store, release, key) for p, key in PARAMETERS.items()}
        set_parameters(workspace, workspace.names.stack("airflow"), versions, minutes=MWAA_MINUTES)
    upload(workspace, store.blobs(release.dags), manifest)
    store.activated(release, "rollback", author(workspace.root))
    say(f"rollback: {release.id} runs again")


def _with_new_revisions(workspace: Workspace, say: Say, plan: Rollback) -> Manifest:
    """Somebody deregistered its revisions: CloudFormation makes new ones with the same images."""
    images, entries = plan.release.images, plan.release.manifest.tasks
    wanted: dict[str, dict[str, str]] = {}
    for task in plan.task_revisions_gone:
        stack = workspace.names.stack(stack_of(entries[task].lane))
        wanted.setdefault(stack, {})[task] = _image_value(images[task].image)
    removed = [task for stack, tasks in wanted.items() for task in _without_parameter(workspace, stack, tasks)]
    if removed:
        raise UserError(
            f"release {plan.release.id} runs {', '.join(removed)}, which the deployed stacks no longer have; "
            f"check out revision {plan.release.revision} and deploy it, or roll back to a later release"
        )
    say(f"rollback: task revisions of {', '.join(plan.task_revisions_gone)} were deregistered: making them anew")
    for stack, tasks in wanted.items():
        values = {image_parameter(task): image for task, image in tasks.items()}
        set_parameters(workspace, stack, values, minutes=COMPUTE_MINUTES)
    return build_manifest(workspace, deployed_values(workspace), plan.release.id)


def _without_parameter(workspace: Workspace, name: str, tasks: Iterable[str]) -> list[str]:
    stack = deployed_stack(workspace, name)
    return [task for task in tasks if stack is None or image_parameter(task) not in stack.parameters]


def _image_value(image: str) -> str:
    """The part of an image reference that the compute stack's parameter takes."""
    if "@" in image:
        return "@" + image.rsplit("@", 1)[1]
    return ":" + image.rsplit(":", 1)[1]


def _version(release: Release, key: str) -> str:
    return release.files[key].version if key in release.files else ""


def _restored_version(store: ReleaseStore, release: Release, key: str) -> str:
    """The object version of the release; put anew where S3's lifecycle has removed it."""
    version = _version(release, key)
    if not version or Bucket.head(store.bucket, key, version):
        return version
    return store.bucket.put(key, store.blobs({key: release.files[key].sha256})[key])


def _is_active(workspace: Workspace, arn: str) -> bool:
    if ":batch:" in arn:
        known = workspace.client("batch").describe_job_definitions(jobDefinitions=[arn])["jobDefinitions"]
        return [one["status"] for one in known] == ["ACTIVE"]
    found = workspace.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    return bool(found["status"] == "ACTIVE")

"""Remove an environment. Every stack is protected against deletion, so a plain `cdk destroy` is refused.

Here the protection is taken off once the environment's name was typed, and only where no data is kept (`keeps_data`).
"""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from ops.cdk import run_cdk
from ops.deploy import output_app
from ops.errors import UserError
from ops.infrastructure.stacks import stack_exists
from ops.infrastructure.templates import synthesize, templates
from ops.release.lock import deployment_lock
from ops.workspace import Workspace

Say = Callable[[str], None]
# Hold data: they stay where data is kept.
KEPT = ("storage", "registry")
IMAGES_PER_CALL = 100  # BatchDeleteImage


def plan_destroy(workspace: Workspace) -> list[str]:
    """The stacks that would go, last deployed first; UserError where data is kept and protection is on."""
    synthesize(workspace)
    names = [name for name in templates(workspace) if stack_exists(workspace, name)]
    if workspace.environment.keeps_data:
        kept = {workspace.names.stack(part) for part in KEPT}
        names = [name for name in names if name not in kept]
    return list(reversed(names))


def destroy(workspace: Workspace, typed_name: str, say: Say) -> list[str]:
    """Delete the stacks; with `keeps_data` only those that hold none, and only once a person has unlocked them."""
    if typed_name != workspace.environment_name:
        raise UserError(f"{typed_name!r} is not {workspace.environment_name!r}: nothing was removed")
    names = plan_destroy(workspace)
    if not names:
        say(f"{workspace.environment_name}: nothing is deployed")
        return []
    protected = _protected(workspace, names)
    if protected and workspace.environment.keeps_data:
        raise UserError(
            f"environment {workspace.environment_name} keeps its data, and these stacks are protected: "
            f"{', '.join(protected)}; take termination protection off each in CloudFormation and run this again"
        )
    with deployment_lock(workspace, "destroy"):
        if not workspace.environment.keeps_data:
            _empty(workspace, names, say)
    for name in protected:
        workspace.client("cloudformation").update_termination_protection(
            StackName=name, EnableTerminationProtection=False
        )
    log = workspace.root / "cdk.out" / f"{workspace.environment_name}-destroy.log"
    log.unlink(missing_ok=True)
    say(f"stacks: removing {', '.join(names)}")
    run_cdk(workspace, ["destroy", "--force", "--exclusively", "--app", output_app(workspace), *names], log=log)
    return names


def _protected(workspace: Workspace, names: list[str]) -> list[str]:
    cloudformation = workspace.client("cloudformation")
    described = [cloudformation.describe_stacks(StackName=name)["Stacks"][0] for name in names]
    return [stack["StackName"] for stack in described if stack.get("EnableTerminationProtection")]


def _empty(workspace: Workspace, names: list[str], say: Say) -> None:
    """CloudFormation deletes neither a bucket with objects nor a repository with images."""
    if workspace.names.stack("registry") in names:
        for repository in _repositories(workspace):
            _delete_images(workspace, repository)
    if workspace.names.stack("storage") in names:
        for bucket in (workspace.names.dag_bucket, workspace.names.data_bucket, workspace.names.access_log_bucket):
            say(f"buckets: emptying {bucket}")
            _delete_objects(workspace.client("s3"), bucket)


def _repositories(workspace: Workspace) -> list[str]:
    """Those that are deployed: a task that is no longer in the source may still have one."""
    pages = workspace.client("cloudformation").get_paginator("list_stack_resources")
    found = [
        r
        for page in pages.paginate(StackName=workspace.names.stack("registry"))
        for r in page["StackResourceSummaries"]
    ]
    return [r["PhysicalResourceId"] for r in found if r["ResourceType"] == "AWS::ECR::Repository"]


def _delete_images(workspace: Workspace, repository: str) -> None:
    """In rounds: a call takes 100 images, and an image that an index refers to goes only after the index."""
    ecr = workspace.client("ecr")
    try:
        while digests := _digests(ecr, repository):
            ids = [{"imageDigest": digest} for digest in digests[:IMAGES_PER_CALL]]
            answer = ecr.batch_delete_image(repositoryName=repository, imageIds=ids)
            if not answer["imageIds"]:
                raise UserError(f"repository {repository}: images cannot be deleted: {answer['failures'][:3]}")
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryNotFoundException":
            raise


def _digests(ecr: Any, repository: str) -> list[str]:
    pages = ecr.get_paginator("list_images").paginate(repositoryName=repository)
    return sorted({image["imageDigest"] for page in pages for image in page["imageIds"]})


def _delete_objects(s3: Any, bucket: str) -> None:
    try:
        pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=bucket))
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return
        raise
    for page in pages:
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        keys = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]
        for start in range(0, len(keys), 1000):
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys[start : start + 1000], "Quiet": True})

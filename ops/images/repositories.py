"""What an environment's image repositories hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from ops.errors import UserError
from ops.workspace import Workspace

SBOM_SUFFIX = ".cdx"


class NoRepositoryError(UserError):
    """The task's repository was not deployed yet."""


@dataclass(frozen=True)
class Pushed:
    """One image of a task; `digest` names its bytes for ever."""

    task: str
    tag: str
    digest: str
    megabytes: float
    pushed: datetime


def pushed_images(workspace: Workspace, task: str) -> list[Pushed]:
    """All tagged images of a task, newest first; UserError when the repository does not exist yet."""
    name = workspace.names.repository(task)
    pages = workspace.client("ecr").get_paginator("describe_images").paginate(repositoryName=name)
    try:
        found = [_pushed(task, details, tag) for page in pages for details, tag in _tagged(page["imageDetails"])]
    except ClientError as error:
        raise _explained(error, workspace, name) from error
    return sorted(found, key=lambda image: (image.pushed, image.tag), reverse=True)


def digest_of_tag(workspace: Workspace, task: str, tag: str) -> str | None:
    """The digest behind a tag, or None when it was never pushed."""
    return digests_of_tags(workspace, task, [tag]).get(tag)


def digests_of_tags(workspace: Workspace, task: str, tags: Sequence[str]) -> dict[str, str]:
    """Tag → digest of those that were pushed."""
    name = workspace.names.repository(task)
    try:
        found = workspace.client("ecr").batch_get_image(
            repositoryName=name, imageIds=[{"imageTag": tag} for tag in tags]
        )
    except ClientError as error:
        raise _explained(error, workspace, name) from error
    return {image["imageId"]["imageTag"]: image["imageId"]["imageDigest"] for image in found["images"]}


def _tagged(details: list[dict]) -> Iterator[tuple[dict, str]]:  # type: ignore[type-arg]
    for image in details:
        yield from ((image, tag) for tag in image.get("imageTags", []) if not tag.endswith(SBOM_SUFFIX))


def _pushed(task: str, details: dict, tag: str) -> Pushed:  # type: ignore[type-arg]
    megabytes = round(details.get("imageSizeInBytes", 0) / 1e6, 1)
    return Pushed(task, tag, details["imageDigest"], megabytes, details["imagePushedAt"])


def _explained(error: ClientError, workspace: Workspace, repository: str) -> Exception:
    if error.response["Error"]["Code"] != "RepositoryNotFoundException":
        return error
    return NoRepositoryError(
        f"image repository {repository} does not exist in account {workspace.environment.account}; "
        f"deploy the registry stack first: `tasklane deploy --env {workspace.environment_name}`"
    )

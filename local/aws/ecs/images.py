"""From an image reference to a runtime, as the images file says (read at each start, so that it can change).

Form: {"<ECR repository>": {"runtime": "process", "python": ".venvs/x/bin/python", "dockerfile": "…/Dockerfile"}} or
{"<ECR repository>": {"runtime": "podman", "engine": "podman", "image": "localhost/…"}}. Relative paths: the working
directory of the emulator. An engine's entry without "image" runs what was pushed to the emulator's registry (pulls.py).
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack.services import ecr

from local.aws.ecs.runtime import StartError

_REFERENCE = re.compile(
    r"(?P<registry>[^/]+)/(?P<repository>[^:@]+)(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class ImageEntry:
    """One entry of the images file."""

    repository: str
    runtime: str
    settings: dict[str, Any]

    @property
    def pulled(self) -> bool:
        """Whether the image comes from the registry, and not from this machine."""
        return self.runtime != "process" and not self.settings.get("image")


class Images:
    """Looks image references up; reports what cannot be had in ECS's words."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def find(self, reference: str) -> ImageEntry:
        """The entry for `registry/repository:tag` or `…@sha256:…`. Raises StartError (CannotPullContainerError)."""
        parts = _REFERENCE.fullmatch(reference)
        if parts is None:
            raise StartError(f"CannotPullContainerError: invalid image reference {reference!r}")
        repository = parts["repository"]
        if repository not in ecr._repositories:
            raise StartError(
                f"CannotPullContainerError: {reference}: repository {repository} not found: name unknown: The "
                f"repository with name '{repository}' does not exist in the registry"
            )
        _check_pushed(repository, parts["tag"], parts["digest"], reference)
        settings = self._entries().get(repository)
        if settings is None:
            raise StartError(f"CannotPullContainerError: {reference}: not found (no entry in the images file)")
        return ImageEntry(repository, str(settings.get("runtime", "process")), settings)

    def _entries(self) -> dict[str, dict[str, Any]]:
        if self._path is None:
            return {}
        try:
            entries: dict[str, dict[str, Any]] = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StartError(f"CannotPullContainerError: images file {self._path}: {error}") from error
        return entries


def _check_pushed(repository: str, tag: str | None, digest: str | None, reference: str) -> None:
    """Once anything was pushed to the repository, only pushed images can be had; before, the file stands for them."""
    pushed = ecr._images.get(repository) or []
    if not pushed:
        return
    wanted = digest or tag or "latest"
    for image in pushed:
        known = image.get("imageId", image)
        if wanted in (known.get("imageDigest"), known.get("imageTag")):
            return
    raise StartError(
        f"CannotPullContainerError: pull image manifest has been retried 1 time(s): {reference}: not found"
    )

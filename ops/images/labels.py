"""What an image says about itself (OCI image specification, "Pre-Defined Annotation Keys")."""

import tomllib
from datetime import UTC, datetime

from ops.images.base import Base
from ops.source import Source
from platform_spec.tasks import Task

_PREFIX = "org.opencontainers.image."


def image_labels(task: Task, source: Source, tag: str, base: Base, *, now: datetime) -> dict[str, str]:
    """Labels for one build of `task`."""
    said = {
        "title": task.name,
        "description": task.purpose,
        "vendor": task.owner,
        "version": tag,
        "revision": source.revision + ("-dirty" if source.dirty else ""),
        "source": source.repository,
        "created": now.astimezone(UTC).isoformat(timespec="seconds"),
        "licenses": _licence(task),
    }
    named = {_PREFIX + key: value for key, value in said.items()}
    return {key: value for key, value in {**named, **base.labels}.items() if value}


def _licence(task: Task) -> str:
    """The SPDX expression of the task's own pyproject.toml, or nothing."""
    path = task.folder / "pyproject.toml"
    if not path.exists():
        return ""
    licence = tomllib.loads(path.read_text()).get("project", {}).get("license", "")
    return licence if isinstance(licence, str) else str(licence.get("text", ""))

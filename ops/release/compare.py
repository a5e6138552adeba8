"""`release diff`: what two releases have in common and what not."""

from collections.abc import Mapping
from typing import Any

from ops.dags import differences
from ops.release.record import Release


def compare(old: Release, new: Release) -> dict[str, Any]:
    """{"dags": {...}, "images": {...}, …}: for each part, name → [in old, in new] where they differ."""
    dags = differences(old.dags, new.dags)
    return {
        "from": old.id,
        "to": new.id,
        "revision": [old.revision, new.revision],
        "dags": {"added": dags.added, "changed": dags.changed, "removed": dags.removed},
        "images": _pairs(_digests(old), _digests(new)),
        "task_definitions": _pairs(_revisions(old), _revisions(new)),
        "files": _pairs({k: f.sha256 for k, f in old.files.items()}, {k: f.sha256 for k, f in new.files.items()}),
        "stacks": _pairs(old.templates, new.templates) if old.environment == new.environment else {},
        "airflow_state": old.airflow_state != new.airflow_state,
    }


def lines(difference: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """(part, name, old, new) for people; hashes are cut to what tells them apart."""
    rows = [("dags", path, "", "added") for path in difference["dags"]["added"]]
    rows += [("dags", path, "", "changed") for path in difference["dags"]["changed"]]
    rows += [("dags", path, "", "removed") for path in difference["dags"]["removed"]]
    for part in ("images", "task_definitions", "files", "stacks"):
        rows += [(part, name, _short(pair[0]), _short(pair[1])) for name, pair in difference[part].items()]
    if difference["airflow_state"]:
        rows.append(("airflow", "pools, variables, connections", "", "changed"))
    return rows


def contents(release: Release) -> list[tuple[str, str, str]]:
    """(part, name, what) of one release, for people."""
    origin = f", promoted from {release.promoted_from}" if release.promoted_from else ""
    made = f"of {release.revision}{'-dirty' if release.dirty else ''} by {release.author}, {release.created}{origin}"
    rows = [("release", release.id, made)]
    rows += [("image", task, image.image) for task, image in release.images.items()]
    rows += [("task revision", task, revision) for task, revision in _revisions(release).items()]
    rows += [("file", key, f"version {file.version or 'none'}") for key, file in release.files.items()]
    return [*rows, ("DAG files", str(len(release.dags)), "")]


def _digests(release: Release) -> dict[str, str]:
    """Without the registry: the same image in another account is the same image."""
    return {task: image.image.split("/", 1)[-1].split("/", 1)[-1] for task, image in release.images.items()}


def _revisions(release: Release) -> dict[str, str]:
    return {task: arn.rsplit("/", 1)[-1] for task, arn in release.task_definitions.items()}


def _pairs(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, list[str]]:
    names = sorted(old.keys() | new.keys())
    return {name: [old.get(name, ""), new.get(name, "")] for name in names if old.get(name) != new.get(name)}


def _short(value: str) -> str:
    return value if len(value) <= 40 else value[:32] + "…"

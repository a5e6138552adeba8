"""DAGs in the bucket: what the DAG folder should hold, what it holds, and the upload that closes the gap.

Airflow reads the folder every 30 s, so the order matters: new and changed files first, the manifest after them, files
that are gone last. A DAG never sees a manifest that names what is not there yet.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError

from ops.workspace import Workspace
from platform_spec.manifest import FILE_NAME, Manifest

# `platform_spec` goes with the DAGs: they read the manifest and plan fan-outs with it.
SOURCES = {"dags": "", "platform_spec": "platform_spec/"}
LEFT_OUT = {"access.toml", "README.md"}
PREFIX = "dags/"


@dataclass
class Changes:
    """What an upload would do, as paths below the DAG folder."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def dag_files(root: Path) -> dict[str, bytes]:
    """Relative path → content of everything the DAG folder holds, without the manifest."""
    found = {}
    for source, prefix in SOURCES.items():
        for path in sorted((root / source).rglob("*")):
            relative = path.relative_to(root / source)
            if path.is_file() and relative.name not in LEFT_OUT and "__pycache__" not in relative.parts:
                found[prefix + relative.as_posix()] = path.read_bytes()
    return found


def plan_upload(workspace: Workspace, wanted: dict[str, bytes]) -> Changes:
    """Compare the bucket with `wanted`, by the SHA-256 stored with each object."""
    stored = _stored(workspace)
    changes = Changes(removed=sorted(set(stored) - set(wanted)))
    for path, content in sorted(wanted.items()):
        if path not in stored:
            changes.added.append(path)
        elif stored[path] != hashlib.sha256(content).hexdigest():
            changes.changed.append(path)
        else:
            changes.unchanged += 1
    return changes


def upload(workspace: Workspace, manifest: Manifest, *, dry_run: bool = False) -> Changes:
    """Bring the bucket's DAG folder to this source and manifest; only what differs is written."""
    wanted = {**dag_files(workspace.root), FILE_NAME: manifest.to_json().encode()}
    changes = plan_upload(workspace, wanted)
    if dry_run:
        return changes
    s3, bucket = workspace.client("s3"), workspace.names.dag_bucket
    for path in sorted([*changes.added, *changes.changed], key=lambda p: (p == FILE_NAME, p)):
        digest = hashlib.sha256(wanted[path])
        s3.put_object(
            Bucket=bucket,
            Key=PREFIX + path,
            Body=wanted[path],
            Metadata={"sha256": digest.hexdigest()},
            ChecksumSHA256=base64.b64encode(digest.digest()).decode(),  # S3 refuses the object if it arrived damaged
        )
    for path in changes.removed:
        s3.delete_object(Bucket=bucket, Key=PREFIX + path)
    return changes


def _stored(workspace: Workspace) -> dict[str, str]:
    s3, bucket = workspace.client("s3"), workspace.names.dag_bucket
    return {key.removeprefix(PREFIX): _sha256(s3, bucket, key) for key in _keys(s3, bucket)}


def _keys(s3, bucket: str) -> Iterator[str]:  # type: ignore[no-untyped-def]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX):
        yield from (stored["Key"] for stored in page.get("Contents", []))


def _sha256(s3, bucket: str, key: str) -> str:  # type: ignore[no-untyped-def]
    try:
        return str(s3.head_object(Bucket=bucket, Key=key)["Metadata"].get("sha256", ""))
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":  # removed since it was listed
            return ""
        raise

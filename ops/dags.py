"""DAGs in the bucket: what the DAG folder should hold, what it holds, and the upload that closes the gap.

Airflow reads the folder every 30 s, so the order matters: changed modules, changed DAG files, the manifest, and at last
the removal of files that are gone. A DAG never sees a manifest that names what is not there yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ops.errors import UserError
from ops.mwaa_files import constraints_for_dags
from ops.objects import Bucket, sha256
from ops.workspace import Workspace
from platform_spec.manifest import FILE_NAME, Manifest

# `platform_spec` goes with the DAGs: they read the manifest and plan fan-outs with it.
SOURCES = {"dags": "", "platform_spec": "platform_spec/"}
LEFT_OUT = {"access.toml", "schedules.toml", "README.md"}
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


def dag_files(workspace: Workspace) -> dict[str, bytes]:
    """Relative path → content of everything the DAG folder holds, without the manifest."""
    found = dict(constraints_for_dags(workspace))
    for source, prefix in SOURCES.items():
        folder = workspace.root / source
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(folder)
            if path.is_file() and relative.name not in LEFT_OUT and "__pycache__" not in relative.parts:
                found[prefix + relative.as_posix()] = path.read_bytes()
    return found


def differences(stored: Mapping[str, str], wanted: Mapping[str, str]) -> Changes:
    """From `stored` to `wanted`, both path → SHA-256."""
    changes = Changes(removed=sorted(set(stored) - set(wanted)))
    for path, digest in sorted(wanted.items()):
        if path not in stored:
            changes.added.append(path)
        elif stored[path] != digest:
            changes.changed.append(path)
        else:
            changes.unchanged += 1
    return changes


def plan_upload(workspace: Workspace, wanted: Mapping[str, bytes]) -> Changes:
    """Compare the bucket with `wanted`, by the SHA-256 that S3 computed of each object."""
    bucket = Bucket(workspace)
    stored = {key.removeprefix(PREFIX): found.sha256 for key, found in bucket.heads(bucket.keys(PREFIX)).items()}
    return differences(stored, {path: sha256(content) for path, content in wanted.items()})


def upload(workspace: Workspace, files: Mapping[str, bytes], manifest: Manifest, *, dry_run: bool = False) -> Changes:
    """Bring the bucket's DAG folder to `files` and `manifest`; what differs is written, and looked at again."""
    wanted = {**files, FILE_NAME: manifest.to_json().encode()}
    changes = plan_upload(workspace, wanted)
    if dry_run or not changes:
        return changes
    bucket, changed = Bucket(workspace), [*changes.added, *changes.changed]
    for group in _in_order(changed):
        bucket.put_all({PREFIX + path: wanted[path] for path in group})
    if FILE_NAME in changed:
        bucket.put(PREFIX + FILE_NAME, wanted[FILE_NAME])
    bucket.delete(PREFIX + path for path in changes.removed)
    _verify(workspace, wanted)
    return changes


def _in_order(changed: Sequence[str]) -> tuple[list[str], list[str]]:
    """Modules before the DAG files that import them, so that a DAG parsed in between finds what is new in its kit."""
    files = [path for path in changed if path != FILE_NAME]
    return [path for path in files if "/" in path], [path for path in files if "/" not in path]


def _verify(workspace: Workspace, wanted: Mapping[str, bytes]) -> None:
    """UserError that names what another hand changed while we wrote."""
    left = plan_upload(workspace, wanted)
    if not left:
        return
    odd = [*(f"{p} is missing" for p in left.added), *(f"{p} has another content" for p in left.changed)]
    odd += [f"{p} does not belong there" for p in left.removed]
    raise UserError(
        f"s3://{workspace.names.dag_bucket}/{PREFIX} is not what was uploaded: {', '.join(odd[:5])}; somebody else "
        f"writes there. Run the command again, and see the bucket's access log"
    )

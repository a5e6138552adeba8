"""The three files MWAA takes by object version: plugins.zip, requirements.txt, startup.sh.

A new version costs an update of the environment (20-60 minutes), so nothing that does not change the content may make
one. plugins.zip has the same bytes for the same content; requirements.txt and startup.sh come from `mwaa/`, where both
are optional.
"""

import io
import zipfile
from pathlib import Path

from ops.errors import UserError
from ops.objects import Bucket, sha256
from ops.workspace import Workspace

# Parameter of the Airflow stack → key in the DAG bucket.
PARAMETERS = {
    "RequirementsVersion": "requirements.txt",
    "PluginsVersion": "plugins.zip",
    "StartupScriptVersion": "startup.sh",
}
DAG_FOLDER_ON_MWAA = "/usr/local/airflow/dags"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that zip can hold


def mwaa_files(workspace: Workspace) -> dict[str, bytes]:
    """Key → content of those of the three that this source has."""
    made = {
        "plugins.zip": plugins_zip(workspace.root),
        "requirements.txt": requirements_txt(workspace),
        "startup.sh": _optional(workspace.root / "mwaa/startup.sh"),
    }
    return {key: content for key, content in made.items() if content is not None}


def upload_mwaa_files(workspace: Workspace, files: dict[str, bytes]) -> dict[str, str]:
    """Make the bucket hold them; returns parameter → object version ("" = the source has no such file)."""
    bucket = Bucket(workspace)
    stored = bucket.heads(files)
    versions = {key: stored[key].version for key in files if key in stored and stored[key].sha256 == sha256(files[key])}
    versions |= {key: bucket.put(key, content) for key, content in files.items() if key not in versions}
    return {parameter: versions.get(key, "") for parameter, key in PARAMETERS.items()}


def plugins_zip(root: Path) -> bytes | None:
    """The archive of everything in `plugins/`: sorted, without times, owners or compression differences."""
    target, folder = io.BytesIO(), root / "plugins"
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts]
    if not paths:
        return None
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return target.getvalue()


def requirements_txt(workspace: Workspace) -> bytes | None:
    """mwaa/requirements.txt under the constraints of the environment's Airflow; None when it asks for nothing.

    The constraints lie in the DAG folder, so that an environment without internet finds them, and no newer file of the
    same name can change what is installed.
    """
    source = _optional(workspace.root / "mwaa/requirements.txt")
    if source is None or not requirement_lines(source):
        return None
    own = [line for line in requirement_lines(source) if line.split()[0] in ("-c", "--constraint")]
    if own:
        raise UserError(f"mwaa/requirements.txt: {own[0]!r}: constraints are added at the upload; remove the line")
    line = f'--constraint "{DAG_FOLDER_ON_MWAA}/{constraints_name(workspace)}"\n'
    return line.encode() + source


def constraints_for_dags(workspace: Workspace) -> dict[str, bytes]:
    """What the DAG folder must hold for requirements.txt: the constraints, or nothing."""
    if requirements_txt(workspace) is None:
        return {}
    return {constraints_name(workspace): constraints_path(workspace).read_bytes()}


def constraints_path(workspace: Workspace) -> Path:
    """The constraints of the MWAA image of the environment's Airflow version; UserError when they are not kept here."""
    path = workspace.root / "mwaa" / constraints_name(workspace)
    if not path.exists():
        known = ", ".join(sorted(p.name for p in path.parent.glob("constraints-*.txt"))) or "none"
        raise UserError(f"mwaa/{path.name} is missing (there are: {known}); take that of the MWAA image")
    return path


def constraints_name(workspace: Workspace) -> str:
    return f"constraints-{workspace.environment.airflow.version}.txt"


def requirement_lines(content: bytes) -> list[str]:
    """Lines that are neither empty nor a comment."""
    lines = (line.strip() for line in content.decode().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _optional(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None

"""plugins.zip and requirements.txt: a mistake in either costs an hour, and the old environment keeps running."""

import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from ops.errors import UserError
from ops.finding import Finding
from ops.mwaa_files import constraints_path, requirement_lines, requirements_txt
from ops.workspace import Workspace

PLUGINS_BYTES = 1_000_000_000  # MWAA user guide, "Installing custom plugins": up to 1 GB
PYTHON = "3.12"
_SECONDS = 300


def check_plugins(archive: bytes | None) -> Iterator[Finding]:
    """The archive as MWAA unpacks it: its root becomes the plugins folder."""
    guide = "MWAA user guide, Installing custom plugins"
    if archive is None:
        return
    if len(archive) > PLUGINS_BYTES:
        yield Finding("plugins", "plugins.zip", f"{len(archive)} bytes", f"1 GB at most ({guide})", "remove files")
    with zipfile.ZipFile(BytesIO(archive)) as files:
        for name in files.namelist():
            if name.startswith("plugins/"):
                why = f"it would land in plugins/plugins/, where Airflow does not look ({guide})"
                yield Finding("plugins", f"plugins.zip: {name}", "lies one folder too deep", why, "move it up")
            if name.endswith(".py"):
                yield from _compiles(name, files.read(name))


def _compiles(name: str, source: bytes) -> Iterator[Finding]:
    try:
        compile(source, name, "exec")
    except SyntaxError as error:
        why = "every Airflow process imports it when it starts: none of them would"
        yield Finding("plugins", f"plugins/{name}:{error.lineno}", f"{error.msg}", why, "correct the syntax")


def check_requirements(workspace: Workspace) -> Iterator[Finding]:
    """A real resolution of the requirements with Airflow and the constraints of its MWAA image."""
    try:
        content = requirements_txt(workspace)
        if content is None:
            return
        constraints = constraints_path(workspace)
    except UserError as error:
        yield Finding(
            "requirements", "mwaa/", str(error), "MWAA installs nothing without constraints", "see the message"
        )
        return
    source = workspace.root / "mwaa/requirements.txt"
    lines = [line for line in requirement_lines(source.read_bytes()) if not line.startswith("-")]
    problem = _resolve(lines, constraints, workspace.environment.airflow.version)
    if problem:
        why = "MWAA would update for 30 minutes, fail and roll back (user guide, Installing Python dependencies)"
        yield Finding("requirements", "mwaa/requirements.txt", problem, why, "use a version that the constraints allow")
    if workspace.environment.network.mode == "endpoints" and not _offline(source.read_text()):
        why = "there is no way to PyPI without NAT: the wheels must be in plugins.zip (user guide, Private web server)"
        fix = 'put wheels into plugins/ and begin with "--no-index" and "--find-links /usr/local/airflow/plugins"'
        yield Finding("requirements", "mwaa/requirements.txt", "needs the internet", why, fix)


def find_uv(root: Path) -> str | None:
    """The uv of this checkout, else the one on the path."""
    own = root / ".tools/bin/uv"
    return str(own) if own.exists() else shutil.which("uv")


def _resolve(lines: list[str], constraints: Path, version: str) -> str:
    """uv's reason why there is no solution; "" when there is one."""
    uv = find_uv(constraints.parent.parent)
    if uv is None:
        raise UserError("uv is missing: requirements cannot be resolved; run `make setup`")
    with tempfile.TemporaryDirectory(prefix="tasklane-requirements-") as folder:
        wanted = Path(folder) / "requirements.in"
        wanted.write_text("\n".join([*lines, f"apache-airflow=={version}"]) + "\n")
        argv = [uv, "pip", "compile", "--quiet", "--no-header", "--constraint", str(constraints), str(wanted)]
        argv += ["--python-version", PYTHON, "--python-platform", "x86_64-manylinux_2_28"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_SECONDS, env=dict(os.environ), check=False)
    if done.returncode == 0:
        return ""
    return " ".join(line.strip(" ×╰─▶│") for line in done.stderr.splitlines() if line.strip())[:600]


def _offline(text: str) -> bool:
    return "--no-index" in text and "--find-links" in text

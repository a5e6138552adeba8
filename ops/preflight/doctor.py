"""`doctor`: is this machine able to do what the commands need?"""

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.cdk import cdk_command
from ops.errors import UserError
from ops.images.engines import answering_engine
from ops.preflight.files import find_uv
from platform_spec.airflow_settings import AirflowSettings
from platform_spec.environments import environment_names, load_environment
from platform_spec.errors import SpecError
from platform_spec.task_changes import tasks_of
from platform_spec.tasks import load_tasks

FREE_GIB = 3


@dataclass(frozen=True)
class Found:
    """`needed` False: something works without it, as `fix` says."""

    name: str
    ok: bool
    what: str
    fix: str = ""
    needed: bool = True


def examine(root: Path, *, engine: Callable[[], object] = answering_engine) -> Iterator[Found]:
    """Everything, in the order in which a newcomer meets it."""
    version = platform.python_version()
    yield Found("Python", sys.version_info[:2] == (3, 12), version, "run the CLI as .venv/bin/tasklane (make setup)")
    yield _git(root)
    uv = find_uv(root)
    yield Found("uv", uv is not None, uv or "missing", "run `make setup`")
    yield _cdk(root)
    for version in _airflow_versions(root):
        python = root / f".venvs/airflow-{version}/bin/python"
        yield Found(f"Airflow {version}", python.exists(), str(python), f"run `make setup AIRFLOW={version}`")
    for name, path in (("emulator", "emulator"), ("PostgreSQL", "postgres")):
        python = root / f".venvs/{path}/bin/python"
        fix = "run `make setup`; only `tasklane local` needs it"
        yield Found(name, python.exists(), str(python), fix, needed=False)
    yield _engine(engine)
    free = shutil.disk_usage(root).free / 2**30
    yield Found("disk", free >= FREE_GIB, f"{free:.0f} GiB free", f"free {FREE_GIB} GiB")
    yield from _files(root)


def _git(root: Path) -> Found:
    if not shutil.which("git"):
        return Found("git", False, "missing", "install git: releases name the revision they are made of")
    inside = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, check=False)
    fix = "clone the repository: releases name the revision they are made of"
    return Found("git", inside.returncode == 0, "a checkout" if inside.returncode == 0 else "no checkout", fix)


def _cdk(root: Path) -> Found:
    try:
        node, cli = cdk_command(root)
        told = subprocess.run([node, cli, "--version"], capture_output=True, text=True, check=False)
    except UserError as error:
        return Found("CDK CLI", False, str(error), "run `make setup`")
    return Found("CDK CLI", told.returncode == 0, told.stdout.strip() or told.stderr.strip()[-200:], "run `make setup`")


def _engine(find: Callable[[], object]) -> Found:
    fix = "install podman (Debian: apt install podman), to build images; everything else works without"
    try:
        engine = find()
    except UserError as error:
        return Found("image builder", False, str(error), fix, needed=False)
    return Found("image builder", engine is not None, getattr(engine, "name", "none answers"), fix, needed=False)


def _airflow_versions(root: Path) -> list[str]:
    """Those that the environments ask for; the default where a file cannot be read (which is reported by itself)."""
    found = set()
    for name in environment_names(root):
        try:
            found.add(str(load_environment(name, root).airflow.version))
        except SpecError:
            found.add(str(AirflowSettings().version))
    return sorted(found)


def _files(root: Path) -> Iterator[Found]:
    yield _loads("task_images/*/task.toml", lambda: load_tasks(root))
    for name in environment_names(root):
        yield _loads(f"environments/{name}.toml", lambda name=name: tasks_of(load_environment(name, root), root))  # type: ignore[misc]


def _loads(what: str, load: Callable[[], object]) -> Found:
    try:
        load()
    except SpecError as error:
        return Found(what, False, str(error), "correct the file")
    return Found(what, True, "valid")

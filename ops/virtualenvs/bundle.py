"""A task's source and wheels as a bundle: downloaded once per checkout, named by their hashes."""

import hashlib
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from ops.errors import UserError
from ops.virtualenvs.agreement import disagreements
from platform_spec.content import content_tag
from platform_spec.tasks import Task
from platform_spec.virtualenvs import ARCHITECTURE, PYTHON, Bundle, Wheel, bundle_key

# The installer travels with the wheels: what pip a worker has, or whether, is MWAA's affair.
PIP = "pip==26.3 --hash=sha256:{}".format("f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13")
# glibc of the workers (Amazon Linux 2023: 2.34), and every older one that wheels are made for (PEP 600).
_GLIBC = (34, 31, 28, 27, 26, 24, 17, 12, 5)
_ALIASES = ("manylinux2014", "manylinux2010", "manylinux1")
_SECONDS = 900


@dataclass(frozen=True)
class Made:
    """A bundle and where its files are on this machine."""

    bundle: Bundle
    source: bytes
    files: dict[str, Path]

    @property
    def key(self) -> str:
        return bundle_key(self.bundle.task, self.bundle.tag)


def make_bundle(task: Task, downloads: Path) -> Made:
    """Download what requirements.lock names into `downloads`, unless it is there. UserError says what is missing."""
    lock = task.folder / "requirements.lock"
    if not lock.exists():
        raise UserError(
            f"{lock}: not there; make it with `uv pip compile --generate-hashes pyproject.toml -o {lock.name}`"
        )
    requirements, tag = lock.read_text(), content_tag(task.folder, task.architecture)
    name = hashlib.sha256(f"{PIP}\n{requirements}".encode()).hexdigest()[:20]
    folder = downloads / name
    if not folder.exists():
        _download(task.name, requirements, folder)
    found = sorted(folder.glob("*.whl"))
    if wrong := disagreements([path for path in found if not path.name.startswith("pip-")]):
        lines = "\n".join(f"  {line}" for line in wrong)
        raise UserError(
            f"task_images/{task.name}/requirements.lock: its packages do not fit together, and would fail there:\n"
            f"{lines}\nmake it anew with `uv pip compile --generate-hashes pyproject.toml -o {lock.name}`"
        )
    wheels = {path: _wheel(path) for path in found}
    pip = next(wheel for path, wheel in wheels.items() if path.name.startswith("pip-"))
    source = source_archive(task.folder / "src")
    bundle = Bundle(
        task=task.name,
        tag=tag,
        source_sha256=hashlib.sha256(source).hexdigest(),
        requirements=requirements,
        pip=pip,
        wheels=tuple(wheel for wheel in wheels.values() if wheel != pip),
    )
    return Made(bundle, source, {wheel.key: path for path, wheel in wheels.items()})


def source_archive(folder: Path) -> bytes:
    """A zip of the Python package: the same bytes for the same files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path):
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(entry, path.read_bytes())
    return made.getvalue()


def _download(task: str, requirements: str, target: Path) -> None:
    """With pip, for the workers' platform whatever this machine's is; the folder appears when all of it is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name) / "wheels"
        listed = Path(name) / "requirements.txt"
        listed.write_text(f"{requirements}\n{PIP}\n")
        platforms = [f"manylinux_2_{minor}_{ARCHITECTURE}" for minor in _GLIBC]
        platforms += [f"{alias}_{ARCHITECTURE}" for alias in _ALIASES]
        argv = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--dest",
            str(folder),
        ]
        argv += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--implementation", "cp"]
        argv += ["--python-version", PYTHON, "--requirement", str(listed)]
        argv += [word for platform in platforms for word in ("--platform", platform)]
        environ = {**os.environ, "PIP_NO_INPUT": "1"}
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_SECONDS, check=False, env=environ)
        if done.returncode:
            raise UserError(
                f"task_images/{task}/requirements.lock: its wheels for {ARCHITECTURE} and Python {PYTHON} cannot be "
                f"downloaded:\n{(done.stdout + done.stderr)[-2000:]}"
            )
        if not target.exists():
            folder.rename(target)


def _wheel(path: Path) -> Wheel:
    content = path.read_bytes()
    return Wheel(file=path.name, sha256=hashlib.sha256(content).hexdigest(), size=len(content))

"""Programs that build images: docker, podman or buildah, whichever answers.

The tag a built image has on this machine is the one `tasklane local up` looks for: built once, used by both.
"""

import io
import json
import os
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.errors import UserError
from ops.images.login import Login
from platform_spec.tasks import Task

NAMES = ("docker", "podman", "buildah")
VARIABLE = "TASKLANE_ENGINE"
OPTIONS_VARIABLE = "TASKLANE_BUILD_OPTIONS"
PLATFORMS = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}
_SECONDS_TO_ANSWER = 20


@dataclass(frozen=True)
class Engine:
    """One builder; every call is its command line."""

    name: str

    def has(self, image: str) -> bool:
        argv = ["buildah", "inspect", "--type", "image"] if self.name == "buildah" else [self.name, "image", "inspect"]
        return subprocess.run([*argv, image], capture_output=True, check=False).returncode == 0

    def build(self, task: Task, image: str, *, labels: Mapping[str, str], arguments: Mapping[str, str]) -> None:
        """Build `task`'s Dockerfile for its architecture; UserError with the end of the engine's output."""
        argv = [self.name, *self._verb(), "--platform", PLATFORMS[task.architecture], "--tag", image, *build_options()]
        argv += [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        argv += [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
        self._run([*argv, str(task.folder)], f"build the image of {task.name}")

    def push(self, image: str, target: str, login: Login) -> None:
        """Push as `target` (registry/repository:tag); UserError with the registry's reason."""
        with _credentials(login) as environ:
            if self.name == "docker":
                self._run(["docker", "tag", image, target], f"tag {image}")
                self._run(["docker", "push", target], f"push {target}", environ)
            else:
                insecure = ["--tls-verify=false"] if login.plain_http else []
                self._run([self.name, "push", *insecure, image, f"docker://{target}"], f"push {target}", environ)

    def files(self, image: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Path → content of those of `paths` that the image has; nothing runs, so any architecture will do."""
        if self.name == "buildah":
            made, read, removed = ["from", "--pull-never", image], self._mounted, ["rm"]
        else:
            made, read, removed = ["create", image, "never-run"], self._copied, ["rm", "-f"]
        container = self._run([self.name, *made], f"open {image}").strip().splitlines()[-1]
        try:
            found = {path: read(container, path) for path in paths}
        finally:
            self._run([self.name, *removed, container], f"close {image}")
        return {path: content for path, content in found.items() if content is not None}

    def _copied(self, container: str, path: str) -> bytes | None:
        """`cp … -` writes a tar archive of one file."""
        copied = subprocess.run([self.name, "cp", f"{container}:{path}", "-"], capture_output=True, check=False)
        if copied.returncode:
            return None
        with tarfile.open(fileobj=io.BytesIO(copied.stdout)) as archive:
            members = [archive.extractfile(member) for member in archive.getmembers() if member.isfile()]
            return members[0].read() if members and members[0] else None

    def _mounted(self, container: str, path: str) -> bytes | None:
        mounted = subprocess.run([self.name, "mount", container], capture_output=True, text=True, check=False)
        found = Path(mounted.stdout.strip()) / path.lstrip("/")
        return found.read_bytes() if mounted.returncode == 0 and found.is_file() else None

    def _verb(self) -> list[str]:
        # Docker's own attestations would make the digest an index of two images, which Fargate takes but people puzzle
        # over; the bill of materials is made by us.
        return ["buildx", "build", "--provenance=false", "--load"] if self.name == "docker" else ["build"]

    def _run(self, argv: list[str], what: str, environ: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **(environ or {})}, check=False)
        if done.returncode:
            said = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
            raise UserError(f"{self.name} could not {what}:\n" + "\n".join(f"    {line[:300]}" for line in said[-6:]))
        return done.stdout


def build_options() -> list[str]:
    """What TASKLANE_BUILD_OPTIONS adds to every build: a proxy's certificates, a mirror's base image, a network."""
    given = os.environ.get(OPTIONS_VARIABLE, "")
    try:
        return shlex.split(given)
    except ValueError as error:
        raise UserError(f"{OPTIONS_VARIABLE}={given}: {error}; write it as on a command line") from None


def find_engine() -> Engine:
    """The engine that TASKLANE_ENGINE names, else the first that answers; UserError when none does."""
    engine = answering_engine()
    if engine is None:
        raise UserError(
            f"no image builder answers (tried {', '.join(NAMES)}); install podman (Debian: apt install podman) or "
            f"start the Docker daemon, and see `tasklane doctor`"
        )
    return engine


def answering_engine() -> Engine | None:
    """Like find_engine, but None when no builder answers."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted and wanted not in NAMES:
        raise UserError(f"{VARIABLE}={wanted}: allowed are {', '.join(NAMES)}, or nothing (the first that answers)")
    for name in (wanted,) if wanted else NAMES:
        if shutil.which(name) and _answers(name):
            return Engine(name)
    if wanted:
        raise UserError(f"{VARIABLE}={wanted}: `{wanted} info` does not succeed; start it, or unset the variable")
    return None


def _answers(name: str) -> bool:
    try:
        told = subprocess.run([name, "info"], capture_output=True, timeout=_SECONDS_TO_ANSWER, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return told.returncode == 0


@contextmanager
def _credentials(login: Login) -> Iterator[dict[str, str]]:
    """The password in a private file for the time of one push: arguments would show it to every user of the machine."""
    with tempfile.TemporaryDirectory(prefix="tasklane-login-") as folder:
        path = Path(folder) / "config.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps({"auths": {login.host: {"auth": login.basic}}}))
        yield {"REGISTRY_AUTH_FILE": str(path), "DOCKER_CONFIG": folder}

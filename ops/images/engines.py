"""Programs that build images: docker, podman or buildah, whichever answers.

The tag a built image has on this machine is the one `tasklane local up` looks for: built once, used by both.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.errors import UserError
from ops.images.login import Login
from platform_spec.tasks import Task

NAMES = ("docker", "podman", "buildah")
VARIABLE = "TASKLANE_ENGINE"
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
        argv = [self.name, *self._verb(), "--platform", PLATFORMS[task.architecture], "--tag", image]
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

    def _verb(self) -> list[str]:
        # Docker's own attestations would make the digest an index of two images, which Fargate takes but people puzzle
        # over; the bill of materials is made by us.
        return ["buildx", "build", "--provenance=false", "--load"] if self.name == "docker" else ["build"]

    def _run(self, argv: list[str], what: str, environ: Mapping[str, str] | None = None) -> None:
        done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **(environ or {})}, check=False)
        if done.returncode:
            said = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
            raise UserError(f"{self.name} could not {what}:\n" + "\n".join(f"    {line[:300]}" for line in said[-6:]))


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

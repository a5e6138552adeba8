"""Where a deployment comes from: the checkout's revision, its state, and the person."""

import getpass
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

UNVERSIONED = "unversioned"


@dataclass(frozen=True)
class Source:
    """`revision` has 12 digits, or is `unversioned` outside git; `dirty` = what is deployed is in no commit."""

    revision: str
    dirty: bool
    repository: str

    @property
    def label(self) -> str:
        return self.revision + ("-dirty" if self.dirty else "")


def source_of(root: Path) -> Source:
    """Ask git. A checkout without git counts as dirty: nobody can find again what was deployed."""
    revision = _git(root, "rev-parse", "--short=12", "HEAD")
    if revision is None:
        return Source(UNVERSIONED, True, "")
    remote = _git(root, "config", "--get", "remote.origin.url") or ""
    return Source(revision, bool(_git(root, "status", "--porcelain")), remote)


def author(root: Path) -> str:
    """Who acts: the pipeline's actor, else git's e-mail address, else user@host."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return f"{os.environ.get('GITHUB_ACTOR', 'unknown')} (run {os.environ.get('GITHUB_RUN_ID', 'unknown')})"
    return _git(root, "config", "user.email") or f"{getpass.getuser()}@{socket.gethostname()}"


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None

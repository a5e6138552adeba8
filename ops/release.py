"""The id under which a deployment runs, from the source it was made of."""

import subprocess
from pathlib import Path


def source_release(root: Path) -> str:
    """`<short revision>` of the checkout, with `-dirty` for uncommitted changes; `unversioned` outside git."""
    git = ["git", "-C", str(root)]
    revision = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    if revision.returncode:
        return "unversioned"
    status = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False)
    return revision.stdout.strip() + ("-dirty" if status.stdout.strip() else "")

"""The content tag of a task image: the same source gives the same tag on every machine."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

# Neither reaches the image, so neither may change its tag. task.toml sets how the image runs, not what is in it; the
# one setting in it that does change the image, the architecture, is an argument.
IGNORED_FOLDERS = frozenset(
    {
        "tests",
        "build",
        "dist",
        "__pycache__",
        ".venv",
        "node_modules",
        ".git",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".hypothesis",
    }
)
IGNORED_FILES = frozenset({"task.toml", ".DS_Store", ".coverage"})


def content_tag(folder: Path, architecture: str) -> str:
    """An image tag such as `src-0f3a…` (20 hexadecimal digits of the SHA-256 of names, modes and contents).

    Modification times and permissions other than "executable" do not count: a fresh clone gives the same tag.
    """
    digest = hashlib.sha256(f"architecture {architecture}\n".encode())
    for path in sorted(_source_files(folder), key=lambda p: p.relative_to(folder).as_posix()):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            kind, content = "link", str(path.readlink()).encode()
        else:
            kind, content = "executable" if mode & stat.S_IXUSR else "file", path.read_bytes()
        name = path.relative_to(folder).as_posix()
        digest.update(f"{kind} {len(name)} {name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return f"src-{digest.hexdigest()[:20]}"


def _source_files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            if path.name not in IGNORED_FOLDERS and not path.name.endswith(".egg-info"):
                yield from _source_files(path)
        elif path.name not in IGNORED_FILES and path.suffix != ".pyc":
            yield path

"""The content tag changes with what reaches the image, and with nothing else."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_spec.content import content_tag


@pytest.fixture
def image(tmp_path: Path) -> Path:
    folder = tmp_path / "image"
    (folder / "src").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "src" / "core.py").write_text("x = 1\n")
    (folder / "task.toml").write_text("spot = true\n")
    return folder


def test_form(image: Path) -> None:
    assert re.fullmatch(r"src-[0-9a-f]{20}", content_tag(image, "arm64"))


@pytest.mark.parametrize(
    "change",
    [
        lambda image: (image / "src" / "core.py").write_text("x = 2\n"),
        lambda image: (image / "src" / "new.py").write_text(""),
        lambda image: (image / "src" / "core.py").rename(image / "src" / "renamed.py"),
        lambda image: (image / "Dockerfile").chmod(0o755),
        lambda image: (image / ".dockerignore").write_text("*.md\n"),
    ],
)
def test_source_changes_the_tag(image: Path, change: Callable[[Path], object]) -> None:
    before = content_tag(image, "arm64")
    change(image)
    assert content_tag(image, "arm64") != before


@pytest.mark.parametrize(
    "change",
    [
        lambda image: (image / "tests" / "test_core.py").write_text("assert True\n"),
        lambda image: (image / "task.toml").write_text("spot = false\n"),
        lambda image: (image / "src" / "core.pyc").write_bytes(b"\0"),
        lambda image: (image / "src" / "__pycache__").mkdir(),
        lambda image: os.utime(image / "Dockerfile", (0, 0)),
        lambda image: (image / "Dockerfile").chmod(0o600),
    ],
)
def test_what_does_not_reach_the_image_does_not_count(image: Path, change: Callable[[Path], object]) -> None:
    before = content_tag(image, "arm64")
    change(image)
    assert content_tag(image, "arm64") == before


def test_the_architecture_is_part_of_the_image(image: Path) -> None:
    assert content_tag(image, "arm64") != content_tag(image, "x86_64")

"""Which program stands behind an image: the engine asked for, the one that can build it, or a process."""

import json
import os
from pathlib import Path

import pytest

from local.events import Events
from local.images import write_images
from local.processes import LocalError


def engine(folder: Path, name: str, script: str) -> None:
    """A stand-in for the engine's command line, first on the PATH."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name in ("podman", "docker"):
        engine(folder, name, "exit 1")
    monkeypatch.delenv("TASKLANE_ENGINE", raising=False)
    return folder


def entry_of(folder: Path) -> dict[str, str]:
    return dict(json.loads(write_images(folder, Events(folder)).read_text())["tasklane-local/microbiome"])


def test_no_engine_means_a_process_in_the_images_own_environment(programs: Path, tmp_path: Path) -> None:
    entry = entry_of(tmp_path)
    assert entry["runtime"] == "process"
    assert entry["python"].endswith(".venvs/microbiome/bin/python")
    assert Path(entry["dockerfile"]).is_file()


def test_an_engine_that_has_the_image_is_used(programs: Path, tmp_path: Path) -> None:
    engine(programs, "docker", "exit 0")
    entry = entry_of(tmp_path)
    assert (entry["runtime"], entry["engine"]) == ("docker", "docker")
    assert entry["image"].startswith("localhost/tasklane/microbiome:src-")


def test_an_engine_that_cannot_build_it_is_said_and_a_process_takes_over(programs: Path, tmp_path: Path) -> None:
    engine(
        programs,
        "podman",
        'case "$1" in info) exit 0;; build) echo no route to the registry >&2; exit 125;; esac; exit 1',
    )
    assert entry_of(tmp_path)["runtime"] == "process"
    events, _ = Events(tmp_path).read(0)
    assert any("podman cannot build it here (no route to the registry)" in event["detail"] for event in events)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("rocket", "TASKLANE_ENGINE=rocket: allowed are process, podman, docker"),
        ("docker", "TASKLANE_ENGINE=docker: `docker info` does not succeed"),
    ],
)
def test_an_engine_asked_for_must_be_there(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, message: str
) -> None:
    monkeypatch.setenv("TASKLANE_ENGINE", wanted)
    with pytest.raises(LocalError) as caught:
        entry_of(tmp_path)
    assert message in str(caught.value)
    assert os.environ["TASKLANE_ENGINE"] == wanted

"""Shared fixtures: a generated study, the real data where it is present, and the command line in this process."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Command, parameters, run_pipeline

from microbiome.cli import run
from microbiome.simulate.write import Study, write_study

REAL_DATA = Path(os.environ.get("TASKLANE_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))


@pytest.fixture(scope="session")
def data() -> Path:
    """Real reads. They are not part of the project."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real reads are absent: {REAL_DATA} does not exist; set TASKLANE_DATA to their folder")
    return REAL_DATA


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six good samples with truth, and one bad sample of every kind."""
    folder = tmp_path_factory.mktemp("study")
    kinds = ("truncated", "corrupt", "empty", "no-reads", "lengths", "letters", "counts", "not-fastq", "huge-line")
    write_study(folder, Study(samples=6, seed=7, pairs=1500, members=12, bad=kinds))
    return folder


@pytest.fixture
def fastq_file(tmp_path: Path) -> Callable[..., Path]:
    """Write bytes to a file of this name, compressed if the name says so."""

    def write(content: bytes, name: str = "a_R1.fastq.gz") -> Path:
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run a command as the container does; returns exit code and output."""

    def call(*arguments: object) -> tuple[int, str]:
        code = run([str(argument) for argument in arguments])
        return code, capsys.readouterr().out

    return call


@pytest.fixture
def whole(study: Path, tmp_path: Path, command: Command) -> Path:
    """The study analysed as one batch."""
    return run_pipeline(command, tmp_path / "whole", study / "reads", parameters(study))

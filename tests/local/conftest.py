"""Fixtures: a real emulator on a free port. Run this folder in the emulator's virtual environment."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.emulator_process import Emulator, start_emulator

LIMIT_SECONDS = 240


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator for the whole session; tests keep apart by the names they use."""
    started = start_emulator(tmp_path_factory.mktemp("emulator"))
    yield started
    assert started.stop() == 0


@pytest.fixture
def own_emulator(tmp_path: Path) -> Iterator[Emulator]:
    """An emulator of the test's own, for tests that end it or arm faults."""
    started = start_emulator(tmp_path)
    yield started
    if started.process.poll() is None:
        started.stop()


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    """End a test that waits for something that never comes (waits themselves have no limit of their own)."""

    def ended(*_: object) -> None:
        raise TimeoutError(f"the test took longer than {LIMIT_SECONDS} s")

    signal.signal(signal.SIGALRM, ended)
    signal.alarm(LIMIT_SECONDS)
    yield
    signal.alarm(0)

"""Services end with whoever started them, and say how they ended."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from local.processes import LocalError, run, start, sweep, wait_until
from local.state import MARKER

ENV = {"PATH": os.environ["PATH"]}
ROOT = Path(__file__).resolve().parents[2]
STARTS_A_SLEEP = """
import sys, time
from pathlib import Path
from local.processes import start
service = start("sleep", ["sleep", "300"], log=Path(sys.argv[1]), env={}, cwd=Path("/"))
print(service.process.pid, flush=True)
time.sleep(300)
"""


def test_a_failed_command_shows_the_end_of_its_log(tmp_path: Path) -> None:
    argv = ["bash", "-c", "echo first; echo the reason >&2; exit 3"]
    with pytest.raises(
        LocalError, match=r"step failed with exit code 3; the end of .*step.log:\n    first\n    the reason"
    ):
        run("step", argv, log=tmp_path / "step.log", env=ENV, cwd=tmp_path)


def test_a_service_that_dies_is_named_while_something_waits(tmp_path: Path) -> None:
    service = start("doomed", ["bash", "-c", "kill -9 $$"], log=tmp_path / "log", env=ENV, cwd=tmp_path)
    with pytest.raises(LocalError, match="doomed was killed by signal 9"):
        wait_until("never", lambda: False, services=[service], seconds=20)


def test_stop_ends_the_whole_session(tmp_path: Path) -> None:
    deaf = ["bash", "-c", "trap '' TERM; sleep 300 & sleep 300; wait"]
    service = start("deaf", deaf, log=tmp_path / "log", env={**ENV, MARKER: str(tmp_path)}, cwd=tmp_path)
    time.sleep(0.3)
    service.stop_seconds = 0.5
    service.stop()
    assert sweep(tmp_path) == 0


def test_a_service_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", STARTS_A_SLEEP, str(tmp_path / "log")]
    starter = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert starter.stdout is not None
    sleeper = psutil.Process(int(starter.stdout.readline()))
    starter.kill()
    starter.wait()
    sleeper.wait(timeout=10)


def test_what_a_crash_left_is_found_by_its_marker(tmp_path: Path) -> None:
    left = subprocess.Popen(["sleep", "300"], env={**ENV, MARKER: str(tmp_path)})
    other = subprocess.Popen(["sleep", "300"], env={**ENV, MARKER: "/elsewhere"})
    try:
        assert sweep(tmp_path) == 1
        assert not psutil.pid_exists(left.pid)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()

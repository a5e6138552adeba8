"""`make demo` as a newcomer sees it: it ends, leaves nothing running, and says in one message what is wrong."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, SECONDS, TASKLANE, call, demo, left_running

pytestmark = pytest.mark.timeout(SECONDS)
SUMMARY = {
    "samples",
    "samples_ok",
    "samples_quarantined",
    "batches",
    "asvs",
    "truth",
    "seconds",
    "seconds_by_phase",
    "report",
}


def test_generated_samples_are_recovered_and_nothing_stays(tmp_path: Path) -> None:
    done = demo(tmp_path / "state", tmp_path / "out", "--samples", "3", "--batch-items", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert set(summary) >= SUMMARY
    assert (summary["samples_ok"], summary["batches"], summary["truth"]["false"]) == (3, 2, 0)
    assert summary["truth"]["found"] == summary["truth"]["detectable"]
    assert left_running(tmp_path / "state") == []


def test_the_emulator_killed_in_the_middle(tmp_path: Path) -> None:
    argv = [".venv/bin/python", "-m", "local.demo", "--out", str(tmp_path / "out"), "--state", str(tmp_path / "state")]
    running = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    killed = False
    while running.poll() is None and not killed:
        for line in left_running(tmp_path / "state"):
            if "local.aws" in line and "deploy" in " ".join(left_running(tmp_path / "state")):
                killed = kill("-m local.aws", tmp_path / "state")
                break
        time.sleep(0.2)
    assert killed
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 1
    assert "was killed by signal 9" in errors
    assert "Traceback" not in errors
    assert left_running(tmp_path / "state") == []


def test_the_demo_killed_leaves_nothing_running(tmp_path: Path) -> None:
    argv = [".venv/bin/python", "-m", "local.demo", "--out", str(tmp_path / "out"), "--state", str(tmp_path / "state")]
    running = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not any("postgres" in line for line in left_running(tmp_path / "state")):
        assert time.monotonic() < until
        time.sleep(0.2)
    running.kill()
    running.wait()
    while left_running(tmp_path / "state"):
        assert time.monotonic() < until, left_running(tmp_path / "state")
        time.sleep(0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "/nowhere"], "DATA=/nowhere: no such folder; give a folder with FASTQ files"),
        (["--data", "docs"], "REFERENCE=: not a file; give a FASTA with taxonomy in its headers"),
        (["--data", "docs", "--reference", "README.md"], "DATA=docs: no FASTQ file in it"),
        (["--reference", "README.md"], "REFERENCE goes with DATA"),
    ],
)
def test_bad_input_is_one_message(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = demo(tmp_path / "state", tmp_path / "out", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call(*TASKLANE, "up", "--state", str(tmp_path / "state"), "--airflow-port", str(port))
    assert done.returncode == 1
    assert f"--airflow-port: port {port} is taken on 127.0.0.1" in done.stderr
    assert left_running(tmp_path / "state") == []


def kill(pattern: str, state: Path) -> bool:
    """SIGKILL to the first process of the environment whose command line has the pattern."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environ = (folder / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if pattern in line and f"TASKLANE_LOCAL_STATE={state}" in environ:
            os.kill(int(folder.name), signal.SIGKILL)
            return True
    return False

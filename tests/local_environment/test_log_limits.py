"""Logs stay in bounds while somebody writes to them, and no log of a running task is taken away."""

import os
import time
from pathlib import Path

from local import log_limits
from local.log_limits import LogLimits, remove_oldest, rotate


def test_a_log_is_emptied_under_its_writer(tmp_path: Path) -> None:
    log = tmp_path / "scheduler.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        assert not rotate(log, 100)
        writer.write(b"y")
        assert rotate(log, 100)
        writer.write(b"next line")
    assert log.read_bytes() == b"next line"
    assert (tmp_path / "scheduler.log.1").read_bytes() == b"x" * 100 + b"y"


def test_the_oldest_logs_of_tasks_go_first(tmp_path: Path) -> None:
    now = time.time()
    for age in range(5):
        path = tmp_path / f"dag/run{age}/attempt=1.log"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"z" * 10)
        os.utime(path, (now - 100 * age, now - 100 * age))
    assert remove_oldest(tmp_path, 25, now - 150) == 3
    assert sorted(path.parent.name for path in tmp_path.rglob("*.log")) == ["run0", "run1"]
    assert remove_oldest(tmp_path, 0, now - 150) == 0


def test_it_looks_once_a_minute(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(log_limits, "MOST_BYTES", 1)
    limits, log = LogLimits(tmp_path), tmp_path / "a.log"
    log.write_text("one")
    limits.keep()
    assert log.read_text() == ""
    log.write_text("two")
    limits.keep()
    assert log.read_text() == "two"

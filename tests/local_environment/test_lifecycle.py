"""Choosing ports and folders, and the files that other commands rely on."""

import json
import shutil
import socket
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from local.lifecycle import down, new_state, running
from local.processes import LocalError
from local.state import State, free_ports


def test_ports_differ_and_the_state_is_private(tmp_path: Path) -> None:
    assert len(set(free_ports(20))) == 20
    state = new_state(tmp_path, {})
    state.save()
    file = tmp_path / "state.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["endpoint_url"] == state.endpoint_url
    assert State.load(tmp_path) == state


def test_a_given_port_is_taken_as_given_or_refused_by_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalError, match=f"--airflow-port: port {port} is taken on 127.0.0.1; give another one"):
            new_state(tmp_path, {"airflow-port": port})
    assert new_state(tmp_path, {"airflow-port": port}).airflow_port == port


def test_too_little_disk_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100 * 1024**2))
    with pytest.raises(LocalError, match="100 MiB free, 2500 MiB needed; free some disk space"):
        new_state(tmp_path, {})


def test_a_state_whose_supervisor_is_gone_counts_for_nothing(tmp_path: Path) -> None:
    state = new_state(tmp_path, {})
    state.supervisor_pid = 2**22 + 1  # beyond the largest process id of Linux
    state.save()
    assert running(tmp_path) is None
    assert down(tmp_path) is False
    assert State.load(tmp_path) is None

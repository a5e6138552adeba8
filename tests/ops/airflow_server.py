"""Airflow's web server alone, on SQLite: enough for the REST API of pools, variables and connections."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.ops.repository import ROOT


@contextmanager
def airflow_server(folder: Path, version: str) -> Iterator[str]:
    """Address of a server with an empty database; it ends with the block."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    python = str(ROOT / f".venvs/airflow-{version}/bin/python")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
        "AIRFLOW__CORE__FERNET_KEY": "",
    }
    subprocess.run([python, "-m", "airflow", "db", "migrate"], env=environ, check=True, capture_output=True)
    argv = [python, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    log = (folder / "server.log").open("wb")
    server = subprocess.Popen(argv, env=environ, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            assert server.poll() is None, (folder / "server.log").read_text()[-2000:]
            try:
                if httpx.get(f"{url}/auth/token", timeout=2).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.3)
        yield url
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)

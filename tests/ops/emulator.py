"""A local AWS of its own for a test session."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.ops.repository import ROOT

TOKEN = "token-of-the-tests"


@contextmanager
def running_emulator(
    folder: Path, images: Mapping[str, Mapping[str, str]] | None = None, **variables: str
) -> Iterator[str]:
    """Its endpoint; it ends with the block. `images`: ECR repository → runtime (local/aws/ecs/images.py)."""
    (folder / "images.json").write_text(json.dumps(images or {}))
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    argv = [str(ROOT / ".venvs/emulator/bin/python"), "-m", "local.aws", "--port", str(port)]
    argv += ["--state", str(folder / "state"), "--images", str(folder / "images.json")]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TASKLANE_EMULATOR_TOKEN": TOKEN} | variables
    process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{endpoint}/_tasklane/health", process)
        yield endpoint
    finally:
        process.terminate()
        process.wait(20)


def tell_emulator(endpoint: str, route: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Call one of its own routes (local/aws/README.md)."""
    answer = httpx.post(f"{endpoint}/_tasklane/{route}", json=dict(body), headers={"authorization": TOKEN}, timeout=10)
    return dict(answer.raise_for_status().json())


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert process.poll() is None, "the emulator ended while it started"
        try:
            if httpx.get(url, timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise TimeoutError(url)

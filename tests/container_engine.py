"""A container engine for a test session: the one that DOCKER_HOST names, else what answers on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

BASE = os.environ.get("TASKLANE_TEST_BASE", "localhost/python:3.12")


@dataclass(frozen=True)
class ContainerEngine:
    """`name` is its command line, `address` that of its API."""

    name: str
    address: str

    def has(self, image: str) -> bool:
        asked = [self.name, "image", "inspect", image]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    def refuses(self, image: str) -> str:
        """Why it does not start a container with no other settings than its own; empty: it does.

        podman 4 in a container asks for more open files than its own kernel gives.
        """
        transport = httpx.HTTPTransport(uds=self.address.removeprefix("unix://"))
        with httpx.Client(transport=transport, base_url="http://engine", timeout=60) as api:
            made = (
                api.post("/containers/create", json={"Image": image, "Cmd": ["true"]}).raise_for_status().json()["Id"]
            )
            started = api.post(f"/containers/{made}/start")
            api.delete(f"/containers/{made}", params={"force": True}).raise_for_status()
        return "" if started.is_success else str(started.json()["message"])


@contextmanager
def running_engine(folder: Path, registry: str = "") -> Iterator[ContainerEngine]:
    """Skips where there is none. Podman's API is served for the session.

    `registry` speaks plain http: Docker takes that from loopback unasked, Podman where its settings name it.
    """
    if address := os.environ.get("DOCKER_HOST"):
        yield ContainerEngine("docker", address)
    elif answers("podman"):
        address = f"unix://{folder}/podman.sock"
        settings = folder / "registries.conf"
        settings.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n' if registry else "")
        environ = {**os.environ, "CONTAINERS_REGISTRIES_CONF": str(settings)}
        argv = ["podman", "--runtime", "runc", "system", "service", "--time=0", address]
        service = subprocess.Popen(argv, env=environ, cwd=folder)  # conmon leaves a file there when the kernel kills
        try:
            yield ContainerEngine("podman", address)
        finally:
            service.terminate()
            service.wait(20)
    elif answers("docker"):
        yield ContainerEngine("docker", "unix:///var/run/docker.sock")
    else:
        pytest.skip("neither podman nor docker answers on this machine")


def answers(name: str) -> bool:
    return bool(shutil.which(name)) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0

"""A repository of its own for each test, and a real S3 (the emulator) behind it."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ops.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Endpoint of a local AWS that lives as long as the test session."""
    folder = tmp_path_factory.mktemp("aws")
    (folder / "images.json").write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    argv = [str(ROOT / ".venvs/emulator/bin/python"), "-m", "local.aws", "--port", str(port)]
    argv += ["--state", str(folder / "state"), "--images", str(folder / "images.json")]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TASKLANE_EMULATOR_TOKEN": "token-of-the-tests"}
    process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{endpoint}/_tasklane/health", process)
        yield endpoint
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def workspace(tmp_path: Path, emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A small repository with the real environment file, and an empty, versioned DAG bucket."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    (tmp_path / "environments").mkdir()
    shutil.copy(ROOT / "environments/local.toml", tmp_path / "environments")
    for folder, file in (
        ("dags", "a.py"),
        ("dags/lanes", "kit.py"),
        ("platform_spec", "manifest.py"),
        ("plugins", "p.py"),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / file).write_text(f"# {file}\n")
    (tmp_path / "dags/access.toml").write_text("[access]\n")
    made = Workspace("local", tmp_path)
    s3, bucket = made.client("s3"), made.names.dag_bucket
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    yield made
    for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    for marker in s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", []):
        s3.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])
    s3.delete_bucket(Bucket=bucket)


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

"""From a bundle in S3 to an environment on disk: every file is checked against its SHA-256, nothing else is fetched."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from platform_spec.virtualenvs import Bundle, Wheel

_THREADS = 8
_SECONDS = 600
# With the virtual environment's Python, and without what a user or an image has set for pip.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PIP_CONFIG_FILE": "/dev/null"}


class BundleError(RuntimeError):
    """The bundle cannot be read or installed; the message says which part of it, and what to do."""


def environment_key(bundle: Bundle) -> str:
    """The name of the environment: all that is in it, and the Python that runs it."""
    made_of = f"{sys.version}\n{sys.base_prefix}\n".encode() + bundle.to_json()
    return f"{bundle.task}-{hashlib.sha256(made_of).hexdigest()[:20]}"


def read_bundle(s3: Any, uri: str) -> Bundle:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    fix = "publish it: `tasklane virtualenvs publish --env <environment>` (part of each `dags upload`)"
    try:
        bundle = Bundle.read(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        raise BundleError(f"{uri} does not exist; {fix}") from None
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if bundle.python != here:
        raise BundleError(f"{uri} is for Python {bundle.python}, and this worker runs {here}; {fix}")
    return bundle


def build(s3: Any, bucket: str, bundle: Bundle, folder: Path) -> None:
    """Make the environment in the empty `folder`: `bin/python` runs it, the task's package is on its path."""
    wheelhouse = folder / "wheels"
    wheelhouse.mkdir()
    fetch = _fetcher(s3, bucket)
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda wheel: _download(fetch, wheel, wheelhouse), (bundle.pip, *bundle.wheels)))
    with zipfile.ZipFile(io.BytesIO(fetch(bundle.source_key, bundle.source_sha256))) as source:
        source.extractall(folder / "src")
    (folder / "requirements.lock").write_text(bundle.requirements)
    _run([sys.executable, "-I", "-m", "venv", "--without-pip", str(folder)], f"python -m venv for {bundle.task}")
    pip = [str(folder / "bin/python"), "-I", str(wheelhouse / bundle.pip.file / "pip")]
    offline = ["--no-index", "--find-links", str(wheelhouse), "--no-cache-dir", "--disable-pip-version-check"]
    exact = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile", "--quiet"]
    _run([*pip, "install", *offline, *exact, "-r", str(folder / "requirements.lock")], f"pip for {bundle.task}")
    [packages] = (folder / "lib").glob("python3.*/site-packages")
    (packages / "task.pth").write_text("../../../src\n")
    for path in wheelhouse.iterdir():
        path.unlink()
    wheelhouse.rmdir()


def _fetcher(s3: Any, bucket: str) -> Callable[[str, str], bytes]:
    def fetch(key: str, sha256: str) -> bytes:
        try:
            content = bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except s3.exceptions.NoSuchKey:
            raise BundleError(f"s3://{bucket}/{key} does not exist; run `tasklane virtualenvs publish`") from None
        if (found := hashlib.sha256(content).hexdigest()) != sha256:
            raise BundleError(
                f"s3://{bucket}/{key} has the SHA-256 {found}, not {sha256}: somebody replaced it; remove that object "
                f"and run `tasklane virtualenvs publish`"
            )
        return content

    return fetch


def _download(fetch: Callable[[str, str], bytes], wheel: Wheel, folder: Path) -> None:
    (folder / wheel.file).write_bytes(fetch(wheel.key, wheel.sha256))


def _run(argv: list[str], what: str) -> None:
    done = subprocess.run(
        argv, env=_ENVIRONMENT, capture_output=True, text=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise BundleError(f"{what} failed with exit code {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")

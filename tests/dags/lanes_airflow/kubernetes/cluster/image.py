"""The image of the pods: the AWS SDK, the program that the lane docker's tests run, and its own commands."""

import shutil
import subprocess
from pathlib import Path

import boto3
import pytest

from tests.container_engine import BASE
from tests.dags.lanes_airflow.docker.conftest import SDK, left_out

HERE = Path(__file__).parent
IMAGE = "localhost/tasklane-tests/pods:1"
DOCKERFILE = f"""\
FROM {BASE}
COPY sdk /sdk
COPY engine_program.py program.py /programs/
ENV PYTHONPATH=/sdk PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["python", "/programs/program.py"]
"""


def build(folder: Path) -> None:
    """With podman; skips where there is none, or nothing to build from."""
    if shutil.which("podman") is None:
        pytest.skip("no podman, which makes the images of the pods")
    if subprocess.run(["podman", "image", "exists", BASE], check=False).returncode:
        pytest.skip(f"podman has no image {BASE}; TASKLANE_TEST_BASE names another with Python 3.12")
    packages = Path(boto3.__file__).parents[1]
    for part in SDK:
        if part.endswith(".py"):
            shutil.copy(packages / part, folder / "sdk")
        else:
            shutil.copytree(packages / part, folder / "sdk" / part, ignore=left_out)
    shutil.copy(HERE / "program.py", folder)
    shutil.copy(HERE.parents[1] / "docker/program.py", folder / "engine_program.py")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    subprocess.run(["podman", "build", "-q", "-t", IMAGE, str(folder)], check=True, capture_output=True)

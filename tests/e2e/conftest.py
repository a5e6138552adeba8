"""A local environment for the end-to-end tests, and what is needed to look at it from outside."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from ops.workspace import checkout
from tests.e2e.checkouts import VERSION, checkout_with

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TASKLANE_DATA") or ROOT.parent / "shared/data")
SECONDS = 600
TASKLANE = (".venv/bin/tasklane", "local")


@pytest.fixture(scope="session")
def checked_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The repository the session's commands act on: with E2E_AIRFLOW, one whose local environment has that version."""
    root = checkout_with(tmp_path_factory.mktemp("checkout") / "repository", version=VERSION)
    with working_in(root):
        yield root


@pytest.fixture(scope="session")
def environment(checked_out: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """State folder of a running environment, shared by the tests of the session; nothing of it runs afterwards."""
    with running_environment(tmp_path_factory.mktemp("environment") / "state") as folder:
        yield folder


@contextmanager
def working_in(root: Path) -> Iterator[None]:
    """The project's commands act on `root`."""
    with pytest.MonkeyPatch.context() as shell:
        if root != ROOT:
            shell.setenv("TASKLANE_ROOT", str(root))
            shell.setenv("PYTHONPATH", str(root))
        yield


@contextmanager
def running_environment(folder: Path) -> Iterator[Path]:
    """State folder of an environment that is brought up from the present checkout, and taken down at the end."""
    up = call(*TASKLANE, "up", "--state", str(folder))
    try:
        assert up.returncode == 0, up.stdout + up.stderr + ends_of_logs(folder)
        yield folder
    finally:
        call(*TASKLANE, "down", "--state", str(folder))
    assert left_running(folder) == []


def call(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the project as a person would."""
    env = {**os.environ, **environ}
    return subprocess.run(argv, cwd=checkout(), env=env, capture_output=True, text=True, timeout=SECONDS, check=False)


def demo(state: Path, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return call(".venv/bin/python", "-m", "local.demo", "--out", str(out), "--state", str(state), *arguments)


def simulate(folder: Path, *arguments: str) -> Path:
    """Generate samples; returns the folder with reads/, reference.fasta.gz and truth.tsv."""
    done = call(".venvs/microbiome/bin/python", "-m", "microbiome", "simulate", "--out", str(folder), *arguments)
    assert done.returncode == 0, done.stderr
    return folder


def copied(files: Iterable[Path], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for path in files:
        shutil.copy(path, folder)
    return folder


def queue_of(topic: str, sns: Any, sqs: Any, name: str = "inbox") -> str:
    """URL of a new queue that subscribes to a topic, and lets it send."""
    url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    deliver = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    statement = {**deliver, "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def processes_of(state: Path) -> Iterator[psutil.Process]:
    """Processes that belong to the environment in `state`."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("TASKLANE_LOCAL_STATE") == str(state):
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def left_running(state: Path) -> list[str]:
    """Their command lines."""
    found = []
    for process in processes_of(state):
        try:
            found.append(" ".join(process.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return found


def ends_of_logs(state: Path) -> str:
    """The end of every service's log, for the reader of a failed test."""
    files = sorted((state / "logs").glob("*.log"))
    return "\n".join(f"== {f.name}\n" + "\n".join(f.read_text(errors="replace").splitlines()[-15:]) for f in files)

"""Start a DAG of the environment, wait for it, look at what it left."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import boto3

from local.state import State
from ops.airflow_api import AirflowApi
from tests.e2e.conftest import ROOT, call, ends_of_logs

WAIT_SECONDS = 240


def api_of(environment: Path) -> AirflowApi:
    state = State.load(environment)
    assert state is not None
    return AirflowApi(state.airflow_url)


def tasklane(environment: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command as a person types it."""
    state = State.load(environment)
    assert state is not None
    return call(".venv/bin/tasklane", *words, "--env", "local", AWS_ENDPOINT_URL=state.endpoint_url)


def told(environment: Path, *words: str) -> dict[str, Any]:
    """The answer of a command that must succeed."""
    done = tasklane(environment, *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def run_dag(environment: Path, dag_id: str, conf: dict[str, Any], *, wait: bool = True) -> tuple[str, str]:
    """(DAG id, run id) of a run that has been started, and with `wait` has ended."""
    run = dag_id, api_of(environment).trigger(dag_id, conf)
    if wait:
        states_of(environment, run, wait=True)
    return run


def states_of(environment: Path, run: tuple[str, str], *, wait: bool = False) -> dict[str, str]:
    """Task id → state; with `wait`, once the run has ended."""
    api, until = api_of(environment), time.monotonic() + WAIT_SECONDS
    while wait and api.run(*run)["state"] in ("queued", "running"):
        assert time.monotonic() < until, f"{run} has not ended\n{ends_of_logs(environment)}"
        time.sleep(0.5)
    return {one["task_id"]: one["state"] for one in api.task_instances(*run)}


def state_within(environment: Path, run: tuple[str, str], task_id: str, wanted: str) -> None:
    """Wait until the task is in the state `wanted`."""
    until = time.monotonic() + WAIT_SECONDS
    while (found := states_of(environment, run).get(task_id)) != wanted:
        assert time.monotonic() < until, f"{run} {task_id} is {found}, not {wanted}"
        time.sleep(0.3)


def client_of(environment: Path, service: str) -> Any:
    """A boto3 client with the rights of the account's owner."""
    state = State.load(environment)
    assert state is not None
    return boto3.client(
        service,
        endpoint_url=state.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def data_bucket(environment: Path) -> str:
    buckets = [bucket["Name"] for bucket in client_of(environment, "s3").list_buckets()["Buckets"]]
    return next(name for name in buckets if "-data-" in name or name.endswith("-data"))


def documents(environment: Path, prefix: str) -> list[tuple[str, bytes]]:
    """(key, content) of the objects below a prefix of the data bucket."""
    s3, bucket = client_of(environment, "s3"), data_bucket(environment)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [stored["Key"] for page in pages for stored in page.get("Contents", [])]
    return [(key, s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]


def upload_orders(environment: Path, folder: Path, day: str) -> None:
    """A day's orders, made up, where daily_transform looks for them."""
    generate = ["-m", "daily_transform", "generate", "--out", str(folder), "--day", day]
    argv = [".venvs/daily_transform/bin/python", *generate]
    path = Path(subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip())
    client_of(environment, "s3").upload_file(str(path), data_bucket(environment), f"raw/orders/{path.name}")


def upload_interactions(environment: Path, folder: Path, day: str) -> dict[str, list[int]]:
    """A day's interactions, made up, where recommendation looks for them; the groups of items that each user likes."""
    sizes = ["--users", "300", "--items", "200", "--events", "6000"]
    argv = [".venvs/recommendation/bin/python", "-m", "recommendation", "generate", "--out", str(folder), "--date", day]
    path = Path(subprocess.run([*argv, *sizes], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip())
    key = f"raw/interactions/date={day}/{path.name}"
    client_of(environment, "s3").upload_file(str(path), data_bucket(environment), key)
    return dict(json.loads((folder / "tastes.json").read_text()))

"""The lane `virtualenv`, deployed: wheels from S3, the task's own role, known coefficients, the user's own error."""

import json
import random
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.state import State
from ops.airflow_api import AirflowApi
from tests.e2e.conftest import SECONDS, ends_of_logs

pytestmark = pytest.mark.timeout(SECONDS)
DAG = "least_squares"
TRUTH = {"const": 3.0, "dose": 2.0, "age": -0.5}


def table() -> str:
    chance = random.Random(7)  # noqa: S311 (made-up data)
    rows = ["dose,age,outcome"]
    for _ in range(200):
        dose, age = chance.uniform(0, 10), chance.uniform(20, 80)
        outcome = TRUTH["const"] + TRUTH["dose"] * dose + TRUTH["age"] * age + chance.gauss(0, 0.5)
        rows.append(f"{dose!r},{age!r},{outcome!r}")
    return "\n".join(rows)


def ended(api: AirflowApi, run_id: str) -> dict[str, Any]:
    """The task instances of a run that has ended, by task."""
    while api.run(DAG, run_id)["state"] not in ("success", "failed"):
        time.sleep(1)
    return {found["task_id"]: found for found in api.task_instances(DAG, run_id)}


def test_least_squares_on_the_worker(environment: Path) -> None:
    state = State.load(environment)
    assert state is not None
    api = AirflowApi(state.airflow_url)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    s3 = boto3.client("s3", endpoint_url=state.endpoint_url, **keys)
    bucket = next(found["Name"] for found in s3.list_buckets()["Buckets"] if "-data-" in found["Name"])
    s3.put_object(Bucket=bucket, Key="raw/least_squares/table.csv", Body=table().encode())

    run_id = api.trigger(DAG, {})
    states = {task: found["state"] for task, found in ended(api, run_id).items()}
    log = "\n".join(api.log(DAG, run_id, "fit", 1))
    assert states == {"fit": "success", "report": "success"}, log + ends_of_logs(environment)
    assert "built in" in log
    assert "200 rows, R squared 0.9" in log  # the program's own line
    written = s3.get_object(Bucket=bucket, Key=f"results/least_squares/{run_id}.json")["Body"].read()
    for name, found in json.loads(written)["coefficients"].items():
        assert found["low"] <= TRUTH[name] <= found["high"], name
    assert api.xcom(DAG, run_id, "report")["rows"] == 200
    facts = api.xcom(DAG, run_id, "fit", "lanes_run")
    assert facts["outcome"] == "success"
    assert facts["most_memory_mib"] > 50

    # The program acted with its own role, and with nobody else's.
    calls = [json.loads(line) for line in (state.logs / "authorised-calls.jsonl").read_text().splitlines()]
    roles = [call["principal"].split("/") for call in calls if "results/least_squares/" in json.dumps(call)]
    by = {role[1] for role in roles if role[0].endswith(":assumed-role")}
    assert by == {"tasklane-local-least_squares-task"}

    # Bad input: the reason first, the environment reused, no second attempt.
    run_id = api.trigger(DAG, {"predictors": "dose,weight"})
    fit = ended(api, run_id)["fit"]
    assert (fit["state"], fit["try_number"]) == ("failed", 1)
    log = "\n".join(api.log(DAG, run_id, "fit", 1))
    assert "input: exit code 2: bad input: s3://" in log
    assert "no column weight (there are dose, age, outcome)" in log
    assert "built in" not in log

"""The bill of a real fan-out: per task, per sample, per team. An earlier test's run will do, if there is one."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from local.state import State
from ops.airflow_state.rest import AirflowRest
from ops.main import app
from ops.runs.lookup import latest_runs
from ops.workspace import Workspace
from platform_spec.prices import rates, task_cost
from tests.e2e.conftest import SECONDS, demo, simulate

pytestmark = pytest.mark.timeout(SECONDS)
DAG = "microbiome_dispatch"


def test_the_bill_of_a_fan_out(environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = State.load(environment)
    assert found is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL", found.endpoint_url)
    rest = AirflowRest(Workspace("local"))
    done = [run for run in latest_runs(rest, DAG, 50, state="success") if fanned_out(rest, run["dag_run_id"])]
    if not done:
        made = simulate(tmp_path / "made", "--samples", "3", "--seed", "9")
        arguments = [
            "--data",
            str(made / "reads"),
            "--reference",
            str(made / "reference.fasta.gz"),
            "--batch-items",
            "2",
        ]
        assert demo(environment, tmp_path / "out", *arguments).returncode == 0
        done = latest_runs(rest, DAG, 1)
    result = CliRunner().invoke(app, ["cost", "run", DAG, done[0]["dag_run_id"], "--env", "local", "--json"])
    assert result.exit_code == 0, result.output
    bill = json.loads(result.stdout)
    by_task = {task["task_id"]: task for task in bill["tasks"]}
    assert set(by_task) == {"analyze_batch", "gather"}
    assert bill["items"] > 0
    assert bill["usd"] == pytest.approx(sum(task["usd"] for task in bill["tasks"]))
    assert bill["usd_per_item"] == pytest.approx(bill["usd"] / bill["items"], abs=1e-6)
    at = rates("us-east-1", "arm64")
    assert at is not None
    gather = by_task["gather"]
    # Short tasks pay for a minute: size `gather` of task.toml is 2 vCPU and 4 GB.
    assert gather["seconds"] > 60 or gather["usd"] == pytest.approx(task_cost(at, 60, 2048, 4096), rel=0.5)
    until = time.monotonic() + 60  # a triggerer writes its metrics every ten seconds
    while (spent := team_usd("bioinformatics")) < bill["usd"] * 0.99:
        assert time.monotonic() < until, f"the teams' report has {spent} USD, the run alone cost {bill['usd']}"
        time.sleep(2)


def team_usd(name: str) -> float:
    report = CliRunner().invoke(app, ["cost", "report", "--env", "local", "--days", "1", "--json"])
    assert report.exit_code == 0, report.output
    return sum(float(team["usd"]) for team in json.loads(report.stdout)["teams"] if team["team"] == name)


def fanned_out(rest: AirflowRest, run_id: str) -> bool:
    tasks = rest.all(f"/dags/{DAG}/dagRuns/{run_id}/taskInstances", "task_instances")
    return any(task["operator"] == "FanOut" and task["state"] == "success" for task in tasks)

"""A fan-out that loses a batch, in the deployed pipeline: tolerated, named by gather, shown by the CLI."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.demo_run import send_samples
from local.demo_samples import own_samples
from local.state import State
from ops.airflow_api import AirflowApi
from ops.workspace import Workspace
from tests.e2e.conftest import SECONDS, call, simulate

pytestmark = pytest.mark.timeout(SECONDS)
PARENT, CHILD = "microbiome_dispatch", "microbiome_batch"
FAN_OUT = (".venv/bin/tasklane", "fanout")


class Deployed:
    """The environment as its operators see it: Airflow's API, AWS, the CLI."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.api = AirflowApi(state.airflow_url)
        self._rest = httpx.Client(base_url=f"{state.airflow_url}/api/v2", timeout=30)

    def send(self, folder: Path, samples: int) -> dict[str, Any]:
        """Generated samples in the data bucket; the run's conf."""
        made = simulate(folder, "--samples", str(samples), "--seed", "11")
        chosen = own_samples(made / "reads", made / "reference.fasta.gz")
        return dict(send_samples(Workspace("local"), chosen))

    def pause(self, dag_id: str, *, paused: bool) -> None:
        self._rest.patch(f"/dags/{dag_id}", json={"is_paused": paused}).raise_for_status()

    def children(self, run_id: str) -> dict[str, str]:
        return {run["dag_run_id"]: run["state"] for run in self.api.runs(CHILD, prefix=f"{run_id}__")}

    def ended(self, run_id: str) -> str:
        state = "running"
        until = time.monotonic() + 240
        while state not in ("success", "failed") and time.monotonic() < until:
            time.sleep(0.5)
            state = self.api.run(PARENT, run_id)["state"]
        return str(state)

    def object(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return bytes(Workspace("local").client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())

    def cli(self, *arguments: str) -> str:
        done = call(*FAN_OUT, *arguments, "--env", "local", AWS_ENDPOINT_URL=self._state.endpoint_url)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def deployed(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    state = State.load(environment)
    assert state is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL", state.endpoint_url)
    deployed = Deployed(state)
    yield deployed
    deployed.pause(CHILD, paused=False)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.3)


def test_a_lost_batch_is_tolerated_and_named(deployed: Deployed, tmp_path: Path) -> None:
    conf = {**deployed.send(tmp_path / "made", 4), "batch_items": 2, "max_failed": 1}
    deployed.pause(CHILD, paused=True)
    run_id = deployed.api.trigger(PARENT, conf)
    until(lambda: len(deployed.children(run_id)) == 2)
    lost, kept = sorted(deployed.children(run_id))
    deployed.api.end_run(CHILD, lost)  # somebody gives this batch up before it has done anything
    deployed.pause(CHILD, paused=False)

    assert deployed.ended(run_id) == "success"
    assert deployed.children(run_id) == {lost: "failed", kept: "success"}
    assert deployed.api.xcom(PARENT, run_id, "fan_out", "fan_out_summary")["state"] == "partial"
    until(lambda: "partial: 1 of 2 batches" in str(deployed.api.run(PARENT, run_id)["note"]))
    output = deployed.api.xcom(PARENT, run_id, "detect", "output")
    manifest = json.loads(deployed.object(deployed.api.xcom(PARENT, run_id, "plan_batches", "manifest")))
    missing = {item["key"] for item in manifest["items"] if item["batch"] == 0}
    gathered = json.loads(deployed.object(f"{output}/summary.json"))
    assert gathered["samples_ok"] == 2
    told = deployed.object(f"{output}/quarantine.tsv").decode()
    assert {line.split("\t")[0] for line in told.splitlines() if "\t" in line} >= missing
    assert "its batch did not finish" in told

    view = json.loads(deployed.cli("show", PARENT, run_id, "--json"))
    assert [batch["state"] for batch in view["batches"]] == ["failed", "success"]
    deployed.cli("resume", PARENT, run_id, "--size", "batch_large", "--on-demand", "--dry-run")
    assert len(deployed.children(run_id)) == 2  # told, not done

    deployed.cli("resume", PARENT, run_id, "--size", "batch_large", "--on-demand")
    assert deployed.ended(run_id) == "success"
    again = f"{lost}__r1"
    assert deployed.children(run_id) == {lost: "failed", kept: "success", again: "success"}
    facts = deployed.api.xcom(CHILD, again, "analyze_batch", "lanes_run")
    assert (facts["size"], facts["capacity"]) == ("batch_large", "on_demand")
    assert deployed.api.xcom(PARENT, run_id, "fan_out", "fan_out_summary")["state"] == "complete"
    complete = json.loads(deployed.object(f"{deployed.api.xcom(PARENT, run_id, 'detect', 'output')}/summary.json"))
    assert complete["samples_ok"] == 4
    view = json.loads(deployed.cli("show", PARENT, run_id, "--json"))
    assert [batch["state"] for batch in view["batches"]] == ["success", "success"]

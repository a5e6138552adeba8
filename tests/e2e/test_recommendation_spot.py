"""recommendation and its tuning in an environment with Spot: jobs and array jobs that are interrupted, fail, go on."""

import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.state import State
from tests.e2e.checkouts import VERSION, checkout_with
from tests.e2e.conftest import SECONDS, running_environment, working_in
from tests.e2e.running import (
    api_of,
    client_of,
    data_bucket,
    documents,
    run_dag,
    states_of,
    tasklane,
    told,
    upload_interactions,
)

pytestmark = pytest.mark.timeout(2 * SECONDS)
DAG, TUNING, MODEL = "recommendation", "recommendation_tuning", "tasklane-local-recommendation_inference"
SPOT, ON_DEMAND = "tasklane-local-fargate-spot", "tasklane-local-fargate"
DATES = ("2026-01-01", "2026-01-02")


@pytest.fixture(scope="module")
def spot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """State folder of a running environment in which whatever allows it runs on Spot first."""
    root = checkout_with(tmp_path_factory.mktemp("spot") / "repository", version=VERSION, spot_share=1.0)
    with working_in(root), running_environment(tmp_path_factory.mktemp("environment") / "state") as folder:
        upload_interactions(folder, tmp_path_factory.mktemp("made"), DATES[0])
        copy_date(folder, *DATES)
        yield folder


@pytest.fixture
def fault(spot: Path) -> Iterator[Any]:
    """`fault(fault="spot", …)`: what AWS does from now on, until the test ends."""
    state = State.load(spot)
    assert state is not None
    faults, headers = f"{state.endpoint_url}/_tasklane/faults", {"authorization": state.token}

    def put(**rule: Any) -> None:
        httpx.post(faults, headers=headers, json={"seed": 1, "rules": [rule]}).raise_for_status()

    yield put
    httpx.delete(faults, headers=headers).raise_for_status()


def copy_date(environment: Path, source: str, target: str) -> None:
    """The same interactions on another date."""
    s3, bucket = client_of(environment, "s3"), data_bucket(environment)
    [key] = [key for key, _ in documents(environment, f"raw/interactions/date={source}/")]
    s3.copy_object(Bucket=bucket, Key=key.replace(source, target), CopySource={"Bucket": bucket, "Key": key})


def jobs(environment: Path) -> dict[str, dict[str, Any]]:
    """All jobs by id (of arrays: the parents), the oldest first."""
    batch = client_of(environment, "batch")
    found: list[dict[str, Any]] = []
    for queue in (SPOT, ON_DEMAND):
        listed = batch.list_jobs(jobQueue=queue, filters=[{"name": "JOB_NAME", "values": ["*"]}])["jobSummaryList"]
        found += batch.describe_jobs(jobs=[job["jobId"] for job in listed])["jobs"] if listed else []
    return {job["jobId"]: job for job in sorted(found, key=lambda job: job["createdAt"])}


def queue_of(job: dict[str, Any]) -> str:
    return str(job["jobQueue"].rpartition("/")[2])


def recommended(environment: Path, date: str) -> dict[str, Any]:
    [summary] = [
        body for key, body in documents(environment, "results/recommendation/") if key.endswith(f"/{date}.json")
    ]
    return dict(json.loads(summary))


def test_inference_runs_on_spot(spot: Path) -> None:
    run = run_dag(spot, DAG, {"date": DATES[0]})
    assert set(states_of(spot, run).values()) == {"success"}
    facts = api_of(spot).xcom(*run, "inference", "lanes_run")
    assert (facts["capacity"], facts["launches"]) == ("spot", 1)
    assert queue_of(jobs(spot)[facts["arn"]]) == SPOT
    assert recommended(spot, DATES[0])["users"] == 300


def test_an_interrupted_job_goes_on_on_demand_to_the_same_bytes(spot: Path, fault: Any) -> None:
    before = set(jobs(spot))
    fault(fault="spot", family=MODEL, provider="FARGATE_SPOT", seconds=0.1, count=1)
    run = run_dag(spot, DAG, {"date": DATES[1]})
    assert set(states_of(spot, run).values()) == {"success"}
    facts = api_of(spot).xcom(*run, "inference", "lanes_run")
    assert (facts["capacity"], facts["launches"]) == ("on_demand", 2)
    first, second = [job for job_id, job in jobs(spot).items() if job_id not in before]
    assert (queue_of(first), first["status"], queue_of(second), second["status"]) == (
        SPOT, "FAILED", ON_DEMAND, "SUCCEEDED",
    )  # fmt: skip
    assert "Your Spot Task was interrupted" in first["statusReason"]
    assert recommended(spot, DATES[1])["sha256"] == recommended(spot, DATES[0])["sha256"]


def test_a_grid_is_an_array_job_whose_failed_child_alone_runs_again(spot: Path, fault: Any) -> None:
    before = set(jobs(spot))
    # One point asks for more factors than there are items; one other container is not pulled.
    fault(fault="pull_error", family=MODEL, count=1, skip=2)
    grid = {"date": DATES[0], "factors": [4, 16, 200], "regularization": [0.01, 0.1], "max_failed": 1}
    run = run_dag(spot, TUNING, grid)
    assert set(states_of(spot, run).values()) == {"success"}, tasklane(
        spot, "logs", f"{TUNING}.evaluate", run[1]
    ).stdout
    [array] = [job for job_id, job in jobs(spot).items() if job_id not in before]
    assert (array["arrayProperties"]["size"], queue_of(array)) == (6, SPOT)
    view = told(spot, "fanout", "show", *run)
    states = Counter(batch["state"] for batch in view["batches"])
    assert states == {"success": 3, "failed": 1, "quarantined": 2}
    [failed] = [batch["index"] for batch in view["batches"] if batch["state"] == "failed"]
    partial = summary(spot, run)
    assert partial["points"] == 6
    assert (len(partial["missing"]), len(partial["bad"])) == (1, 2)

    done = tasklane(spot, "fanout", "resume", *run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(states_of(spot, run, wait=True).values()) == {"success"}
    again = [job for job_id, job in jobs(spot).items() if job_id not in before and job_id != array["jobId"]]
    assert [job.get("arrayProperties", {}).get("size", 1) for job in again] == [1]  # of six, the failed one alone
    view = told(spot, "fanout", "show", *run)
    assert [batch["state"] for batch in view["batches"]][failed] == "success"
    complete = summary(spot, run)
    assert complete["missing"] == []
    assert set(complete["bad"]) == {"factors=200 regularization=0.01", "factors=200 regularization=0.1"}
    assert complete["best"]["hit_rate"] > complete["popularity_hit_rate"] > 0
    assert complete["table"] != partial["table"]
    looked = dict(documents(spot, "results/recommendation/"))
    table, picture = (
        next(text for key, text in looked.items() if complete[name].endswith(key)) for name in ("table", "picture")
    )
    assert len(table.decode().splitlines()) == 1 + 6
    assert len(list(ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}circle"))) == 4  # noqa: S314 (our own)
    page_shows_every_batch(spot, run)

    again_all = run_dag(spot, TUNING, {**grid, "factors": [4, 16]})  # nothing of it is left to compute
    assert set(states_of(spot, again_all).values()) == {"success"}
    assert len(jobs(spot)) == len(before) + 2
    assert summary(spot, again_all)["best"] == complete["best"]


def summary(environment: Path, run: tuple[str, str]) -> dict[str, Any]:
    """What `compare` left, through its result document."""
    looked = dict(documents(environment, "runs/recommendation/")) | dict(documents(environment, "results/"))
    uri = api_of(environment).xcom(*run, "compare")
    document = json.loads(next(body for key, body in looked.items() if uri.endswith(f"/{key}")))
    return dict(json.loads(next(b for key, b in looked.items() if document["outputs"]["summary"].endswith(f"/{key}"))))


def page_shows_every_batch(environment: Path, run: tuple[str, str]) -> None:
    state = State.load(environment)
    assert state is not None
    token = httpx.get(f"{state.airflow_url}/auth/token", timeout=30).json()["access_token"]
    page = httpx.Client(
        base_url=f"{state.airflow_url}/fan-out", headers={"authorization": f"Bearer {token}"}, timeout=60
    )
    view = page.get("/data/fan-out", params={"dag_id": run[0], "run_id": run[1]}).raise_for_status().json()
    assert Counter(batch["state"] for batch in view["batches"]) == {"success": 4, "quarantined": 2}
    log = page.get("/data/log", params={"dag_id": run[0], "run_id": run[1], "task_id": "evaluate", "index": 5})
    assert "factors=" in log.raise_for_status().json()["log"]

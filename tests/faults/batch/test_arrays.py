"""A fan-out by array jobs in real Airflow: each batch succeeds once, only failed ones run again, nothing is left."""

import os
import random
import time
from collections import Counter

import httpx
import pytest

from tests.faults.airflow_client import eventually

# 40 in CI; `make faults` asks for more.
BATCHES = int(os.environ.get("FAULTS_FAN_OUT_BATCHES", "40"))
SEED = int(os.environ.get("FAULTS_SEED", "7"))
ENDED = ("success", "failed")


def ended(observer, run_id, seconds=240):
    def over():
        try:
            return observer.run_state("array", run_id) in ENDED
        except httpx.HTTPError:  # the API server may be one of those that were killed
            return False

    eventually("the fan-out ends", over, seconds)
    return observer.run_state("array", run_id)


def clear(observer, run_id):
    body = {"dry_run": False, "dag_run_id": run_id, "task_ids": ["work"], "include_downstream": True,
            "only_failed": False, "reset_dag_runs": True}  # fmt: skip
    observer._api.post("/dags/array/clearTaskInstances", json=body).raise_for_status()
    eventually("running again", lambda: observer.run_state("array", run_id) not in ENDED, 60)


def succeeded(world, run_id):
    """How many containers succeeded, by batch."""
    children = [child for job in world.jobs(run_id) for child in world.children(job)]
    return Counter(child["batch"] for child in children if child["status"] == "SUCCEEDED")


def summary(observer, run_id):
    path = f"/dags/array/dagRuns/{run_id}/taskInstances/gather/xcomEntries/return_value"
    return observer._api.get(path).raise_for_status().json()["value"]


def test_only_failed_batches_are_submitted_again_and_gather_sees_all(world, observer, modes):
    modes(b1="error", b4="error")
    run_id = observer.trigger("array", n=12)
    assert ended(observer, run_id) == "failed"
    log = observer.log("array", run_id)
    assert "2 of 12 batches of job failed" in log
    assert "error: 2 (batches 1, 4)" in log
    modes()
    clear(observer, run_id)
    assert ended(observer, run_id) == "success"
    assert [job["arrayProperties"]["size"] for job in world.jobs(run_id)] == [12, 2]
    assert succeeded(world, run_id) == dict.fromkeys(range(12), 1)
    assert summary(observer, run_id)["state"] == "complete"


def test_bad_input_is_quarantined_and_tolerated_failures_are_named(world, observer, modes):
    modes(b0="bad", b2="error")
    run_id = observer.trigger("array", n=5, max_failed=1)
    assert ended(observer, run_id) == "success"
    told = summary(observer, run_id)
    assert (told["state"], told["failed"], told["quarantined"]) == ("partial", {"error": [2]}, [0])


def test_the_page_shows_every_batch_and_the_log_of_each(world, observer, modes):
    modes(b1="error")
    run_id = observer.trigger("array", n=4, max_failed=1)
    assert ended(observer, run_id) == "success"
    base = world.state.airflow_url
    token = httpx.get(f"{base}/auth/token", timeout=30).json()["access_token"]
    page = httpx.Client(base_url=f"{base}/fan-out", headers={"authorization": f"Bearer {token}"}, timeout=60)
    where = {"dag_id": "array", "run_id": run_id}
    view = page.get("/data/fan-out", params=where).raise_for_status().json()
    assert [batch["state"] for batch in view["batches"]] == ["success", "failed", "success", "success"]
    assert all(batch["end"] >= batch["start"] for batch in view["batches"])
    assert (view["info"]["lane"], view["summary"]["state"], view["eta_seconds"]) == ("job", "partial", 0.0)
    for batch, mode in ((1, "error"), (2, "ok")):
        asked = {**where, "task_id": "work", "index": batch}
        assert f"probe {mode} line 4" in page.get("/data/log", params=asked).raise_for_status().json()["log"]
    assert any(one["run_id"] == run_id for one in page.get("/data/recent").json())


def test_interrupted_spot_batches_run_on_demand(world, observer, modes):
    modes(seconds=3)
    world.fault(fault="spot", provider="FARGATE_SPOT", seconds=0.5, count=3)
    run_id = observer.trigger("array", n=8, capacity="spot_first")
    assert ended(observer, run_id) == "success"
    first, *others = world.jobs(run_id)
    assert first["jobQueue"] == world.spot_queue
    assert {job["jobQueue"] for job in others} == {world.queue}
    assert succeeded(world, run_id) == dict.fromkeys(range(8), 1)
    assert summary(observer, run_id)["state"] == "complete"


@pytest.mark.parametrize("fault", ["lost_answer", "lost_request"])
def test_a_submission_in_doubt_makes_one_array(world, observer, modes, fault):
    world.fault(fault=fault, service="batch", action="SubmitJob", count=1)
    run_id = observer.trigger("array", n=6)
    assert ended(observer, run_id) == "success"
    assert len(world.jobs(run_id)) == 1


def test_failing_the_task_ends_its_arrays(world, observer, modes):
    modes(seconds=300)
    run_id = observer.trigger("array", n=6)
    eventually("runs", lambda: any(c["status"] == "RUNNING" for j in world.jobs(run_id) for c in world.children(j)), 60)
    observer.mark("array", run_id, "failed")
    [job] = world.jobs(run_id)
    eventually("all ended", lambda: {child["status"] for child in world.children(job)} == {"FAILED"}, 60)


def test_kills_at_random_moments_double_nothing_and_lose_nothing(world, observer, modes):
    source = random.Random(SEED)  # noqa: S311 (no secret)
    bad = source.sample(range(BATCHES), BATCHES // 10)
    modes(seconds=0.5, **{f"b{index}": "error" for index in bad})
    world.fault(fault="throttle", service="batch", rate=0.15)
    run_id = observer.trigger("array", n=BATCHES)
    eventually("submitted", lambda: observer.task("array", run_id)["state"] == "deferred", 60)
    for victim in source.sample(["triggerer", "triggerer", "scheduler", "api-server"], 4):
        time.sleep(source.uniform(0, 6))
        world.kill(victim)
        time.sleep(source.uniform(0, 2))
        world.start_component(victim)
    assert ended(observer, run_id, 400) == "failed"
    modes(seconds=0.05)
    clear(observer, run_id)
    assert ended(observer, run_id, 400) == "success"
    world.no_faults()
    assert succeeded(world, run_id) == dict.fromkeys(range(BATCHES), 1)
    sizes = [job.get("arrayProperties", {}).get("size", 1) for job in world.jobs(run_id)]
    assert sizes == [BATCHES, len(bad)]
    told = summary(observer, run_id)
    assert (told["state"], told["succeeded"]) == ("complete", BATCHES)

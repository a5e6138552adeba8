"""An array fan-out against a model of AWS Batch: each batch succeeds once, whatever dies, is lost or fails."""

import asyncio
import gc
import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lanes.attempts import attempt_run
from lanes.attempts.run_metrics import metric_event
from lanes.aws.calls import AwsCalls
from lanes.batch import submit
from lanes.batch.poller import BatchPoller
from lanes.fan_outs.array_jobs import work as array_work
from lanes.fan_outs.array_jobs.failed_batches import describe_failed
from lanes.fan_outs.array_jobs.rows import Lane
from lanes.fan_outs.array_jobs.work import ArrayWork
from lanes.fan_outs.state import Tolerance, summary
from platform_spec.fan_out_arrays import document_uri
from tests.dags.lanes.array_model import ArrayModel, S3Model
from tests.dags.lanes.batch_model import ENDS
from tests.dags.lanes.ecs_model import Dead

ROOT = Path(__file__).parents[3]
MANIFEST = "s3://data/fanout/d/abc.json"
WHERE = document_uri(MANIFEST, "d", "r", "t", -1)
FAULTS = st.lists(st.sampled_from([None, None, None, "throttle", "lost", "die", "die after"]), max_size=15)
SLOW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Whether another container helps, and how often at most (size batch grows to batch_large).
PASSING = ("spot", "fargate spot", "capacity")


@pytest.fixture(autouse=True)
def quick(no_waiting, monkeypatch):
    monkeypatch.setattr(submit, "SETTLE_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(array_work, "GATHER_SECONDS", 0.0)
    monkeypatch.setattr(array_work, "SAVE_SECONDS", 0.0)
    logging.disable(logging.CRITICAL)
    yield
    gc.collect()  # asyncio reports the deaths of these processes when it forgets them
    logging.disable(logging.NOTSET)


@pytest.fixture
def model():
    def make(batches, sizes=(None,), **more):
        plan = {"batches": [{"index": i, "size": sizes[i % len(sizes)]} for i in range(batches)]}
        return ArrayModel(S3Model({"fanout/d/abc.json": json.dumps(plan).encode()}), **more)

    return make


def process(model, launch, asked=(), looks=10_000, stop=""):
    """One process that carries the fan-out on for some looks; its rows and state. Raises what ends it."""

    async def run():
        calls = AwsCalls({"batch": model, "s3": model.s3})
        lane = Lane(launch, {"batch": ["batch_large"], "batch_large": []})
        work = ArrayWork(calls, BatchPoller(calls), lane, MANIFEST, WHERE)
        await work.begin(dict(asked), quarantine=True)
        for _ in range(looks):
            state = await work.step()
            assert work.counted(state).total == state.total
            if state.over:
                break
        if stop:
            await work.stop(stop)
        return work.rows, state

    return asyncio.run(run())


def until_over(model, launch, asked=()):
    while True:
        try:
            return process(model, launch, asked)
        except (Dead, RuntimeError):  # the poller passes the death on
            continue


def expected(script, capacity):
    """How the last container of a batch ends, and how many it takes."""
    larger, relaunches = False, 0
    for number, end in enumerate([*script, "ok"], start=1):
        if end == "memory" and not larger:
            larger, relaunches = True, relaunches + 1
        elif end in PASSING and relaunches < 5:
            relaunches += 1
        else:
            return end, number
    raise AssertionError("the last end is ok")


@SLOW
@given(
    scripts=st.lists(st.lists(st.sampled_from(sorted(ENDS)), max_size=3), min_size=1, max_size=12),
    faults=FAULTS,
    capacity=st.sampled_from(["on_demand", "spot", "spot_first"]),
    per_look=st.integers(1, 5),
)
def test_every_batch_comes_to_its_own_end_and_no_array_is_submitted_twice(
    model, make_batch_launch, scripts, faults, capacity, per_look
):
    aws = model(len(scripts), ends=dict(enumerate(scripts)), faults=faults, per_look=per_look)
    rows, state = until_over(aws, make_batch_launch(capacity=capacity))
    assert state.over
    for row, script in zip(rows, scripts, strict=True):
        end, containers = expected(script, capacity)
        assert (row.state == "success") == (end == "ok")
        assert len(aws.ran[row.index]) == containers == row.tries
    names = [request["jobName"] for request in aws.requests]
    assert len(names) == len(set(names))
    assert aws.open_children() == 0


def test_one_array_per_size_and_a_single_batch_is_a_job(model, make_batch_launch):
    aws = model(7, sizes=("batch", "batch", "batch_large"))
    rows, state = until_over(aws, make_batch_launch())
    assert [r.get("arrayProperties") for r in aws.requests] == [{"size": 5}, {"size": 2}]
    memory = [r["containerOverrides"]["resourceRequirements"][1]["value"] for r in aws.requests]
    assert memory == ["2048", "8192"]
    assert all(row.end > row.start for row in rows)
    single = model(1)
    until_over(single, make_batch_launch())
    assert "arrayProperties" not in single.requests[0]
    assert len(state.succeeded) == 7


def test_only_what_failed_for_a_passing_reason_is_submitted_again_on_demand(model, make_batch_launch):
    aws = model(10, ends={3: ["spot"], 7: ["fargate spot"], 8: ["error"]})
    _, state = until_over(aws, make_batch_launch(capacity="spot_first"))
    assert [request["jobQueue"] for request in aws.requests] == ["spot-queue", *["queue"] * (len(aws.requests) - 1)]
    assert sorted(batch for batch, ran in aws.ran.items() if len(ran) == 2) == [3, 7]
    assert state.failed == {8: "error"}


def test_metrics_count_every_batch_once_by_its_end(model, make_batch_launch, monkeypatch):
    told = []
    monkeypatch.setattr(array_work, "record", lambda calls, group, environment, facts: told.append(facts))
    aws = model(5, ends={1: ["error"], 3: ["memory"]})
    until_over(aws, make_batch_launch(metrics_group="/metrics"))
    assert [(facts["outcome"], facts["runs"], facts["launches"]) for facts in told] == [
        ("success", 3, 3), ("error", 1, 1), ("success", 1, 2),
    ]  # fmt: skip
    event = json.loads(metric_event("dev", told[0], 1))
    assert (event["Runs"], event["Outcome"]) == (3, "success")


def test_a_price_that_is_not_known_is_not_nothing(model, make_batch_launch, monkeypatch):
    told = []
    monkeypatch.setattr(array_work, "record", lambda calls, group, environment, facts: told.append(facts))
    priced, unpriced = (
        make_batch_launch(metrics_group="/metrics", region=region, architecture="arm64")
        for region in ("us-east-1", "ap-northeast-1")
    )
    until_over(model(3), priced)
    until_over(model(3), unpriced)
    with_price, without = (json.loads(metric_event("dev", facts, 1)) for facts in told)
    assert with_price["CostUsd"] > 0
    assert with_price["AllSeconds"] == without["AllSeconds"] > 0
    assert "CostUsd" not in without
    assert with_price["Attempt"]["Task"]


def test_a_new_attempt_runs_only_what_failed_and_leaves_bad_input_alone(model, make_batch_launch, attempt):
    aws = model(6, ends={1: ["error"], 2: ["input"]})
    _, state = until_over(aws, make_batch_launch())
    assert state.failed == {1: "error", 2: "input"}
    assert summary(state, Tolerance(1))["state"] == "partial"
    second = replace(attempt, try_number=2, attempt_id="second")
    _, state = until_over(aws, make_batch_launch(attempt=second))
    assert state.failed == {2: "input"}
    assert {index: len(ran) for index, ran in aws.ran.items()} == {0: 1, 1: 2, 2: 1, 3: 1, 4: 1, 5: 1}
    third = replace(attempt, try_number=3, attempt_id="third")
    asked = {2: {"generation": 1, "size": "batch_large", "capacity": None}}
    rows, state = until_over(aws, make_batch_launch(attempt=third), asked)
    assert len(state.succeeded) == 6
    assert (rows[2].size, rows[2].generation) == ("batch_large", 1)
    assert aws.requests[-1]["containerOverrides"]["resourceRequirements"][1]["value"] == "8192"


def test_a_cleared_task_goes_on_with_the_arrays_that_run(model, make_batch_launch, attempt):
    aws = model(8, per_look=1)
    process(aws, make_batch_launch(), looks=3)
    cleared = make_batch_launch(attempt=replace(attempt, try_number=2, attempt_id="second", life="another"))
    _, state = until_over(aws, cleared)
    assert len(state.succeeded) == 8
    assert len(aws.requests) == 1


def test_stopping_ends_every_array_and_the_batches_count_as_stopped(model, make_batch_launch):
    aws = model(9, sizes=("batch", "batch_large"), per_look=1)
    process(aws, make_batch_launch(), looks=2, stop="the Airflow task was ended")
    assert aws.open_children() == 0
    rows, state = until_over(aws, make_batch_launch())
    assert set(state.failed.values()) == {"stopped"}
    assert len(aws.requests) == 2
    text = describe_failed(make_batch_launch(), rows, Tolerance())
    assert "batches of microbiome failed" in text.splitlines()[0]
    assert "the Airflow task was ended" in text


def test_the_calls_of_a_look_do_not_grow_with_the_batches(model, make_batch_launch):
    for batches in (20, 200):
        aws = model(batches, per_look=2)
        process(aws, make_batch_launch(), looks=5)
        assert len(aws.calls) <= 1 + 5 * 4


@pytest.mark.parametrize("batches", [1, 3])
def test_what_an_array_can_never_start_with_is_named_and_ends_it_once(model, make_batch_launch, batches):
    aws = model(batches, blocked="MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - more than any environment has")
    rows, state = until_over(aws, make_batch_launch())
    assert set(state.failed.values()) == {"refused"}
    assert all("JOB_RESOURCE_REQUIREMENT" in row.reason for row in rows)
    assert aws.calls.count("TerminateJob") == 1


@pytest.mark.parametrize("batches", [1, 3])
def test_what_an_array_waits_for_is_told_once(model, make_batch_launch, batches, caplog):
    logging.disable(logging.NOTSET)
    aws = model(batches, blocked="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - none")
    _, state = process(aws, make_batch_launch(), looks=4)
    assert len(state.running) == batches
    told = [record.message for record in caplog.records if "INSUFFICIENT_INSTANCE_CAPACITY" in record.message]
    assert told == ["array job job-0 waits: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - none"]


def test_children_that_wait_are_asked_why_only_now_and_then(model, make_batch_launch):
    aws = model(5, blocked="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - none")
    process(aws, make_batch_launch(), looks=20)
    assert aws.calls.count("ListJobs") == 1


def test_arrays_that_batch_has_forgotten_since_are_submitted_again(model, make_batch_launch, attempt, monkeypatch):
    """A fan-out that was ended, and cleared after more than the seven days that AWS Batch keeps a job."""
    monkeypatch.setattr(attempt_run, "UNKNOWN_PATIENCE_SECONDS", -1.0)
    aws = model(9, sizes=("batch", "batch_large"), per_look=1)
    process(aws, make_batch_launch(), looks=3, stop="the Airflow task was ended")
    done = {batch for batch, ends in aws.ran.items() if ends == ["ok"]}
    aws.jobs.clear()
    second = make_batch_launch(attempt=replace(attempt, try_number=2, attempt_id="second", life="another"))
    _, state = process(aws, second, looks=100)
    assert len(state.succeeded) == 9
    assert done
    assert all(len(ran) == 1 for ran in aws.ran.values())


def test_an_array_that_batch_loses_under_our_eyes_fails_its_open_batches(model, make_batch_launch, monkeypatch):
    monkeypatch.setattr(attempt_run, "UNKNOWN_PATIENCE_SECONDS", -1.0)
    aws = model(4, per_look=1)
    describe_jobs = aws.describe_jobs

    def forgets(jobs):
        if len(aws.ran) > 1:
            aws.jobs.clear()
        return describe_jobs(jobs)

    aws.describe_jobs = forgets
    _, state = process(aws, make_batch_launch(), looks=100)
    assert state.over
    assert "lost" in state.failed.values()
    assert len(aws.requests) == 1


def test_the_page_shows_what_the_document_says(model, make_batch_launch):
    """The page's own module, fed with a document that the trigger wrote."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("array_view", ROOT / "plugins/tasklane_pages/array_view.py")
    page = module_from_spec(spec)
    spec.loader.exec_module(page)
    aws = model(5, ends={1: ["error"], 2: ["input"], 3: ["memory"]})
    until_over(aws, make_batch_launch())
    document = json.loads(aws.s3.objects[WHERE.removeprefix("s3://data/")])
    shown = page.batch_views(document, 6, {0: {"items": 4, "bytes": 9}}, quarantine=True)
    assert [batch["state"] for batch in shown] == ["success", "failed", "quarantined", "success", "success", "waiting"]
    assert [batch.get("tries") for batch in shown] == [1, 1, 1, 2, 1, None]
    assert (shown[3]["size"], shown[0]["items"]) == ("batch_large", 4)
    assert (shown[1]["class"], shown[1]["reason"]) == (
        "error", "error: exit code 1: Essential container in task exited",
    )  # fmt: skip
    assert shown[1]["job_id"] == page.child_of(document, 1) == "job-0:1"
    assert page.child_of(document, 3) == "job-1"  # alone: no array
    assert page.child_of(document, 5) is None
    assert [batch["state"] for batch in page.batch_views(None, 2, {}, quarantine=True)] == ["waiting"] * 2
    stopped = model(5, per_look=1)
    process(stopped, make_batch_launch(), looks=4, stop="the Airflow task was ended")
    document = json.loads(stopped.s3.objects[WHERE.removeprefix("s3://data/")])
    left = page.batch_views(document, 6, {}, quarantine=True)
    assert page.as_ended(left, "deferred") == left
    assert {batch["state"] for batch in left} >= {"success", "queued", "running", "waiting"}
    ended = page.as_ended(left, "failed")
    assert {batch["state"] for batch in ended} == {"success", "failed", "waiting"}
    assert {batch["class"] for batch in ended if batch["state"] == "failed"} == {"stopped"}

"""What the worker decides for the batch lane and for an array fan-out."""

import datetime as dt
import json
import uuid
from types import SimpleNamespace

import boto3
import pytest
from airflow.exceptions import AirflowException, AirflowFailException, TaskDeferred
from airflow.models.trigger import Trigger
from airflow.providers.amazon.aws.operators.batch import BatchOperator
from airflow.sdk import DAG

from lanes import fan_out, run_task
from lanes.batch.trigger import SubmitBatchJobTrigger
from lanes.fan_outs.array_jobs import operator as array_operator
from lanes.fan_outs.array_jobs.operator import ArrayFanOut
from lanes.fan_outs.array_jobs.trigger import ArrayFanOutTrigger
from platform_spec.fan_out_resume import Resumed, ResumedBatch
from tests.dags.lanes_airflow.conftest import MANIFEST

START = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
PLAN = {"batches": [{"index": 0, "size": None}, {"index": 1, "size": "batch_large"}], "items": [1, 2, 3]}
QUEUES = {"job_definition_arn": "definition:3", "job_queue_arn": "queue", "spot_job_queue_arn": "spot-queue"}


@pytest.fixture(autouse=True)
def batch_lane(manifest, monkeypatch):
    kept = {k: v for k, v in MANIFEST["tasks"]["microbiome"].items() if k not in ("family", "task_definition_arn")}
    tasks = {**MANIFEST["tasks"], "predict": {**kept, "lane": "batch", "container": "default", **QUEUES}}
    manifest(tasks=tasks)
    monkeypatch.setattr(boto3, "client", lambda *_, **__: pytest.fail("the worker makes no AWS call"))
    return lambda **changes: manifest(tasks={**tasks, "predict": {**tasks["predict"], **changes}})


def context(try_number=1, pushed=None):
    ti = SimpleNamespace(
        dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=try_number, id=uuid.UUID(int=7), max_tries=2,
        xcom_push=lambda key, value: (pushed if pushed is not None else {}).update({key: value}),
    )  # fmt: skip
    return {"ti": ti, "run_id": "r", "dag_run": SimpleNamespace(start_date=START, run_after=START, conf={})}


def make(**kwargs):
    with DAG("d", schedule=None, start_date=START):
        return run_task("predict", **{"task_id": "t", "command": ["predict"], **kwargs})


def array(**kwargs):
    with DAG("d", schedule=None, start_date=START):
        return fan_out(
            manifest_uri="s3://data/fanout/d/abc.json", task_id="t",
            **{"engine": "array", "task": "predict", "command": ["predict"], **kwargs},
        )  # fmt: skip


@pytest.fixture
def plan(monkeypatch):
    def set_to(document=PLAN, resumed=None):
        monkeypatch.setattr(array_operator, "read_manifest", lambda uri: (document, "abc"))
        monkeypatch.setattr(array_operator, "read_resumed", lambda uri, run: resumed or Resumed(run_id=run))

    set_to()
    return set_to


def deferred(task, **kwargs):
    with pytest.raises(TaskDeferred) as raised:
        task.execute(context(**kwargs))
    return raised.value.trigger


def test_run_task_of_a_batch_lane_is_a_batch_operator_that_only_defers():
    task = make(size="batch_large", environment={"A": "1"})
    assert isinstance(task, BatchOperator)
    assert task.template_fields == ("command", "environment", "size", "capacity")
    assert [link.name for link in task.operator_extra_links] == ["Batch job", "Container log"]
    launch = deferred(task).launch
    assert (launch.job_definition, launch.job_queue, launch.spot_job_queue) == ("definition:3", "queue", "spot-queue")
    assert launch.result_uri == "s3://data/runs/predict/d/r/t/-1/1.json"
    assert launch.sizes[0].name == "batch_large"


def test_both_triggers_survive_airflows_own_storage(plan):
    stored = Trigger.from_object(deferred(make()))
    assert stored.classpath == "lanes.batch.trigger.SubmitBatchJobTrigger"
    assert SubmitBatchJobTrigger(**stored.kwargs).launch == deferred(make()).launch
    stored = Trigger.from_object(deferred(array()))
    again = ArrayFanOutTrigger(**json.loads(json.dumps(stored.kwargs)))
    assert again.serialize()[1] == stored.kwargs
    assert again.launch.attempt.task_id == "t"


def test_spot_is_refused_where_the_task_has_no_spot_queue(batch_lane):
    batch_lane(spot=False, spot_job_queue_arn="")
    with pytest.raises(AirflowFailException, match=r"spot = true in its task\.toml"):
        make(capacity="spot_first").execute(context())


def test_what_no_lane_takes_is_refused_when_the_dag_is_parsed():
    with pytest.raises(ValueError, match=r"task 't': command must be a list of strings, not 'predict all'; write "):
        make(command="predict all")
    with pytest.raises(ValueError, match=r"may not set TASKLANE_TRY \(reserved"):
        make(environment={"TASKLANE_TRY": "1"})
    assert make(command="{{ params.words }}").command == "{{ params.words }}"  # rendered to a list, it may be


def test_a_request_that_is_too_large_fails_before_anything_is_submitted():
    with pytest.raises(AirflowFailException, match="30720"):
        make(command=["x" * 31_000]).execute(context())


def test_an_array_fan_out_names_its_state_and_every_size_of_the_lane(plan):
    plan(resumed=Resumed(run_id="r", batches={1: ResumedBatch(generation=2, capacity="on_demand")}))
    pushed = {}
    trigger = deferred(array(max_failed=0.5, capacity="spot_first"), pushed=pushed)
    assert [size.name for size in trigger.launch.sizes] == ["batch", "batch_large"]
    assert trigger.asked[1]["capacity"] == "on_demand"
    assert trigger.launch.result_uri is None
    info = pushed["fan_out"]
    assert (info["engine"], info["child_dag_id"], info["lane"], info["batches"]) == ("array", "d", "predict", 2)
    assert info["document"] == trigger.document_uri
    assert trigger.document_uri.startswith("s3://data/fanout/d/abc.")


def test_nothing_to_do_submits_nothing(plan):
    plan({"batches": [], "items": []})
    pushed = {}
    assert array().execute(context(pushed=pushed)) == "s3://data/fanout/d/abc.json"
    assert pushed["fan_out"]["batches"] == 0  # for the page and `fanout show`


def test_a_plan_with_a_size_that_the_lane_lacks_is_refused(plan):
    plan({"batches": [{"index": 0, "size": "huge"}], "items": []})
    with pytest.raises(AirflowFailException, match=r"huge.*batch, batch_large"):
        array().execute(context())


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"task": "microbiome"}, "needs a task of the lane batch"),
        ({"max_parallel": 5}, "maximum vCPUs"),
        ({"task": ""}, "instead of a child DAG"),
        ({"child_dag_id": "child"}, "instead of a child DAG"),
        ({"capacity": "cheap"}, "on_demand, spot, spot_first"),
        ({"max_failed": 1.5}, "max_failed"),
        ({"engine": "magic"}, "engine 'magic' is none of runs, array"),
        ({"command": "predict all"}, "must be a list of strings"),
    ],
)
def test_what_is_wrong_in_a_dag_file_is_an_import_error(kwargs, words):
    with pytest.raises(ValueError, match=words):
        array(**kwargs)


def test_the_worker_reports_what_the_trigger_found(plan):
    state = {"waiting": [], "running": [], "succeeded": [0], "failed": {"1": "error"}}
    event = {"try_number": 1, "state": state, "message": "1 of 2 batches of predict failed"}
    pushed = {}
    with pytest.raises(AirflowException, match="1 of 2 batches"):
        array().conclude(context(pushed=pushed), event)
    assert pushed["fan_out_summary"]["state"] == "failed"
    assert array(max_failed=1).conclude(context(pushed=pushed), event).endswith("abc.json")
    assert pushed["fan_out_summary"]["state"] == "partial"
    with pytest.raises(AirflowException, match="not you"):
        array().conclude(context(), {"try_number": 1, "state": None, "message": "refused: not you"})
    with pytest.raises(TaskDeferred):
        array().conclude(context(try_number=2), event)


def test_only_bad_input_is_not_retried():
    state = {"waiting": [], "running": [], "succeeded": [0], "failed": {"1": "input"}}
    with pytest.raises(AirflowFailException):
        array(quarantine=False).conclude(context(), {"try_number": 1, "state": state, "message": "bad"})


def test_it_is_not_the_fan_out_of_child_runs():
    assert isinstance(array(), ArrayFanOut)
    assert type(fan_out("child", "s3://data/m.json")).__name__ == "FanOut"

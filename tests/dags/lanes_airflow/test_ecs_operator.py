"""What the worker decides: the request it hands to the trigger, and how it ends the task."""

import datetime as dt
import uuid
from types import SimpleNamespace

import pytest
from airflow.exceptions import AirflowException, AirflowFailException, TaskDeferred
from airflow.models.trigger import Trigger
from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator
from airflow.sdk import DAG

from lanes import run_task
from lanes.attempts.launch import Size
from lanes.ecs.operator import RunTask
from lanes.ecs.trigger import RunTaskTrigger
from platform_spec.manifest import ManifestError

START = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


def context(try_number=1, map_index=-1, pushed=None):
    ti = SimpleNamespace(
        dag_id="d", run_id="manual__2026-11-20T10:00:00+00:00", task_id="t", map_index=map_index,
        try_number=try_number, id=uuid.UUID(int=7), max_tries=2,
        xcom_push=lambda key, value: (pushed if pushed is not None else {}).update({key: value}),
    )  # fmt: skip
    return {"ti": ti, "dag_run": SimpleNamespace(start_date=START, run_after=START, conf={})}


def make(**kwargs):
    with DAG("d", schedule=None, start_date=START):
        return run_task("microbiome", **{"task_id": "t", "command": ["analyze"], **kwargs})


def deferred(task, **kwargs):
    with pytest.raises(TaskDeferred) as raised:
        task.execute(context(**kwargs))
    return raised.value


def test_it_is_an_ecs_operator():
    assert isinstance(make(), EcsRunTaskOperator)


def test_the_worker_defers_with_the_whole_request():
    launch = deferred(make()).trigger.launch
    assert launch.sizes == [Size("batch", 1024, 2048, 20), Size("batch_large", 2048, 8192, 50)]
    assert launch.result_uri == ("s3://data/runs/microbiome/d/manual__2026-11-20T10:00:00+00:00/t/-1/1.json")
    assert launch.environment == {"TASKLANE_ENVIRONMENT": "dev", "TASKLANE_RELEASE": "r1"}
    assert (launch.timeout_seconds, launch.capacity) == (7200.0, "on_demand")


def test_the_trigger_survives_airflows_own_storage():
    trigger = deferred(make(environment={"A": "1"})).trigger
    stored = Trigger.from_object(trigger)
    assert stored.classpath == "lanes.ecs.trigger.RunTaskTrigger"
    assert RunTaskTrigger(**stored.kwargs).launch == trigger.launch


def test_a_trigger_of_older_code_takes_what_newer_code_stored():
    _, kwargs = deferred(make()).trigger.serialize()
    newer = {**kwargs, "launch": {**kwargs["launch"], "colour": "blue"}, "shape": "round"}
    assert RunTaskTrigger(**newer).launch == RunTaskTrigger(**kwargs).launch


def test_the_same_attempt_makes_the_same_request_and_another_one_does_not():
    first, again, second = (deferred(make(), try_number=n).trigger.launch for n in (1, 1, 2))
    requests = [launch.request(0, launch.sizes[0], spot=False) for launch in (first, again, second)]
    assert requests[0] == requests[1]
    assert requests[0]["startedBy"] == requests[2]["startedBy"]
    assert requests[0]["clientToken"] != requests[2]["clientToken"]
    assert len(requests[0]["clientToken"]) <= 64
    assert len(requests[0]["startedBy"]) <= 128


def test_the_size_may_come_from_a_template_and_empty_is_the_default():
    for rendered, first in (("batch_large", "batch_large"), ("", "batch"), ("None", "batch"), (None, "batch")):
        task = make(size="{{ params.size }}")
        task.size = rendered
        assert deferred(task).trigger.launch.sizes[0].name == first


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({"size": "huge"}, ValueError, ["'huge'", "batch, batch_large", "task.toml"]),
        ({"capacity": "cheap"}, ValueError, ["'cheap'", "on_demand, spot, spot_first"]),
        ({"environment": {"AWS_REGION": "x"}}, ValueError, ["AWS_REGION", "reserved"]),
        ({"environment": {"TASKLANE_TRY": "x"}}, ValueError, ["TASKLANE_TRY", "reserved"]),
        ({"command": "analyze --all"}, ValueError, ["list of strings", "write ['analyze', '--all']"]),
    ],
)
def test_what_is_wrong_in_a_dag_file_is_an_import_error(kwargs, error, words):
    with pytest.raises(error) as raised:
        make(**kwargs)
    assert all(word in str(raised.value) for word in words)


def test_an_unknown_lane_is_an_import_error():
    with pytest.raises(ManifestError, match=r"known: .*microbiome"):
        run_task("macrobiome", command=["x"])


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"command": ["x" * 9000]}, ["8192", "URI"]),
        ({"command": ["analyze", None]}, ["list of strings", "None"]),
    ],
)
def test_what_aws_would_refuse_fails_without_retry_before_anything_starts(kwargs, words):
    with pytest.raises(AirflowFailException) as raised:
        make(**kwargs).execute(context())
    assert all(word in str(raised.value) for word in words)


def test_spot_is_used_where_lane_and_environment_agree(manifest):
    manifest(spot_share=0.5)
    assert deferred(make()).trigger.launch.capacity == "spot_first"
    assert deferred(make(capacity="on_demand")).trigger.launch.capacity == "on_demand"


def test_a_failure_is_raised_with_its_class_first_and_bad_input_is_not_retried():
    for kind, retried in (("error", True), ("memory", True), ("input", False), ("refused", False)):
        event = {"failed": True, "kind": kind, "message": f"{kind}: exit code 1: why"}
        event |= {"try_number": 1, "xcoms": {"lanes_run": {}}, "links": {"_link_ContainerLink": "https://x"}}
        pushed = {}
        with pytest.raises(AirflowException) as raised:
            (task := make()).conclude(context(pushed=pushed), event)
        assert str(raised.value).startswith(f"{kind}: ")
        assert isinstance(raised.value, AirflowFailException) is not retried
        assert pushed == {"lanes_run": {}}
        assert [link.get_link(task, ti_key=None) for link in task.operator_extra_links] == ["https://x", ""]


def test_a_retry_that_airflow_3_0_6_resumes_with_the_old_event_starts_anew():
    event = {"failed": True, "try_number": 1, "kind": "error", "message": "error: of the first attempt", "xcoms": {}}
    with pytest.raises(TaskDeferred) as raised:
        make().conclude(context(try_number=2), event)
    assert raised.value.trigger.launch.attempt.try_number == 2


def test_a_task_with_outlets_or_callback_comes_back_to_a_worker_for_them():
    from airflow.sdk import Asset

    assert deferred(make(outlets=[Asset("s3://data/x")])).trigger.resume_on_success
    assert deferred(make(on_success_callback=print)).trigger.resume_on_success
    assert not deferred(make()).trigger.resume_on_success
    xcoms = {"return_value": "s3://r", "lanes_run": {"size": "batch"}}
    event = {"failed": False, "try_number": 1, "xcoms": xcoms, "links": {}}
    pushed = {}
    assert make().conclude(context(pushed=pushed), event) == "s3://r"
    assert pushed == {"lanes_run": {"size": "batch"}}


def test_it_can_be_mapped():
    with DAG("d", schedule=None, start_date=START):
        mapped = RunTask.partial(task_id="t", name="microbiome").expand(command=[["a"], ["b"]])
    assert mapped.operator_class is RunTask

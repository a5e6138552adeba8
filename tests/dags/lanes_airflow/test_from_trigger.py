"""A task that starts in the triggerer: the same request as a worker's, or a worker after all."""

import asyncio
import datetime as dt
import io
import json
import uuid
from dataclasses import replace
from types import SimpleNamespace

import pytest
from airflow import __version__ as version
from airflow.exceptions import TaskDeferred
from airflow.sdk import DAG, Param
from airflow.serialization.serialized_objects import SerializedDAG
from airflow.triggers.base import TriggerEvent

from lanes import run_task
from lanes.attempts.failures import Failure, Kind
from lanes.aws.calls import CallRefused
from lanes.ecs import from_trigger
from lanes.ecs.from_trigger import RunTaskFromTrigger
from lanes.fan_outs.child_runs.handout import child_conf, handout, handout_key
from lanes.fan_outs.child_runs.ids import child_run_id, child_run_prefix
from platform_spec.fan_out_resume import Resumed, resume_uri

START = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
SHA = "ab" * 32
URI = f"s3://data/fanout/d/{SHA}.json"
PARENT = {"dag_id": "d", "run_id": "manual__1", "task_id": "fan_out", "map_index": -1, "try_number": 1}
BATCHES = [{"index": 0, "size": "batch_large"}, {"index": 1, "size": None}]
ON_3_0 = version.startswith("3.0.")


def make(**kwargs):
    params = {"manifest": Param("", type="string"), "batch": Param(0), "size": Param(None, type=["string", "null"])}
    with DAG("child", schedule=None, start_date=START, params={**params, "capacity": "", "note": "kept"}) as dag:
        usual = {
            "command": ["analyze", "{{ params.manifest }}", "{{ params.batch }}", "{{ params.note }}"],
            "size": "{{ params.size or '' }}", "capacity": "{{ params.capacity }}",
            "environment": {"WHERE": "{{ run_id }}"},
        }  # fmt: skip
        task = run_task("microbiome", task_id="work", start_from_trigger=True, **{**usual, **kwargs})
    return dag, task


@pytest.fixture
def stored(monkeypatch):
    """The objects of the data bucket, and how often each was read."""
    prefix = child_run_prefix("manual__1", SHA)
    objects = {
        f"s3://data/{handout_key('child', prefix)}": json.dumps(handout(URI, PARENT, 1000.0)),
        URI: json.dumps({"batches": BATCHES}),
    }
    read = []

    class Calls:
        async def call(self, service, method, *, Bucket, Key, **_):
            read.append(uri := f"s3://{Bucket}/{Key}")
            if uri not in objects:
                raise CallRefused(Failure(Kind.REFUSED, "AccessDenied"))
            return {"Body": io.BytesIO(objects[uri].encode())}

    async def shared(region, aws_conn_id):
        return SimpleNamespace(calls=Calls())

    monkeypatch.setattr(from_trigger, "shared", shared)
    return SimpleNamespace(objects=objects, read=read)


def started(task, run_id, try_number=1):
    """A trigger as the triggerer makes it from what the scheduler has stored (`task`, or its JSON)."""
    stored = task if isinstance(task, str) else from_trigger.task_of(task, _manifest())
    trigger = RunTaskFromTrigger(task=stored, newer=1)
    trigger.task_instance = SimpleNamespace(
        id=uuid.UUID(int=7), dag_id="child", run_id=run_id, task_id="work", map_index=-1, try_number=try_number
    )
    return trigger


def _manifest():
    from lanes.this_deployment import deployment

    return deployment()


def by_a_worker(task, run_id, conf):
    """The launch that a worker makes of the same run."""
    ti = started(task, run_id).task_instance
    ti.max_tries = 2
    context = {"ti": ti, "dag_run": SimpleNamespace(start_date=START, run_after=START, conf=conf), "run_id": run_id,
               "params": {"capacity": "", "note": "kept", **conf}}  # fmt: skip
    task.render_template_fields(context)
    with pytest.raises(TaskDeferred) as raised:
        task.execute(context)
    return raised.value.trigger.launch


@pytest.mark.parametrize("index", [0, 1])
def test_the_request_is_the_one_a_worker_makes(stored, index):
    run_id = child_run_id("manual__1", SHA, index)
    _, task = make()
    trigger = started(task, run_id)
    launch, since = asyncio.run(trigger._prepare(trigger.task_instance))
    expected = by_a_worker(task, run_id, child_conf(URI, PARENT, BATCHES[index], None))
    assert launch.sizes[0].name == ("batch_large" if index == 0 else "batch")
    assert replace(launch, attempt=expected.attempt) == expected
    assert replace(launch.attempt, life="") == replace(expected.attempt, life="")
    assert since == 1000.0


def test_a_resumed_batch_has_its_own_settings(stored):
    resumed = Resumed(run_id="manual__1").again([1], size="batch_large", capacity="on_demand")
    stored.objects[resume_uri(URI, "manual__1")] = resumed.model_dump_json()
    trigger = started(make()[1], child_run_id("manual__1", SHA, 1, 1))
    launch, _ = asyncio.run(trigger._prepare(trigger.task_instance))
    assert (launch.sizes[0].name, launch.capacity) == ("batch_large", "on_demand")


def test_a_thousand_children_read_the_plan_once(stored):
    task = from_trigger.task_of(make()[1], _manifest())

    async def all_of_them():
        triggers = [started(task, child_run_id("manual__1", SHA, index % 2)) for index in range(1000)]
        await asyncio.gather(*(trigger._prepare(trigger.task_instance) for trigger in triggers))

    asyncio.run(all_of_them())
    assert len(stored.read) == 2


@pytest.mark.parametrize(
    ("run_id", "try_number"),
    [("manual__by_hand", 1), (child_run_id("another", SHA, 0), 1), (child_run_id("manual__1", SHA, 0), 2)],
    ids=["no child", "no handout", "a second attempt"],
)
def test_what_the_trigger_cannot_know_is_left_to_a_worker(stored, run_id, try_number):
    trigger = started(make()[1], run_id, try_number)

    async def first():
        return await anext(trigger.run())

    event = asyncio.run(first())
    assert isinstance(event, TriggerEvent)
    task, ti = make()[1], trigger.task_instance
    ti.max_tries = 0
    context = {"ti": ti, "dag_run": SimpleNamespace(start_date=START, run_after=START, conf={})}
    task.command, task.size, task.capacity, task.environment = ["analyze"], "", "", {}
    with pytest.raises(TaskDeferred):
        task.conclude(context, event.payload)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"command": ["{{ ti.xcom_pull('plan') }}"]}, "uses ti; only params and run_id are known"),
        ({"environment": {"A": "{{ params.note | ds }}"}}, "cannot be rendered without a worker"),
        ({"execution_timeout": dt.timedelta(hours=1)}, "execution_timeout needs a worker"),
        ({"on_success_callback": print}, "on_success_callback needs a worker"),
    ],
)
def test_what_only_a_worker_can_keep_is_refused_when_the_dag_is_parsed(settings, reason):
    with pytest.raises(ValueError, match=f"task 'work': start_from_trigger: .*{reason}"):
        make(**settings)


def test_the_scheduler_is_told_on_airflow_3_0_only():
    dag, task = make()
    assert task.start_from_trigger is ON_3_0
    if ON_3_0:
        seen = SerializedDAG.from_dict(json.loads(json.dumps(SerializedDAG.to_dict(dag)))).get_task("work")
        assert seen.start_from_trigger is True
        arguments = seen.start_trigger_args
        assert (arguments.trigger_cls, arguments.next_method) == (from_trigger.TRIGGER, "conclude")
        assert json.loads(arguments.trigger_kwargs["task"])["params"]["note"] == "kept"

"""What the trigger of an array fan-out tells Airflow, and which arrays it ends when it is cancelled."""

import asyncio
import json
import uuid

import pytest
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import GetTaskStates, SetXCom, TaskStatesResult
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from lanes.attempts.identity import Attempt
from lanes.attempts.launch import Size
from lanes.aws import calls as aws_calls
from lanes.aws import poller as aws_poller
from lanes.aws.calls import AwsCalls
from lanes.aws.shared import Shared
from lanes.batch.launch import BatchLaunch
from lanes.fan_outs.array_jobs import trigger as array_trigger
from lanes.fan_outs.array_jobs.ownership import Superseded
from lanes.fan_outs.array_jobs.trigger import ArrayFanOutTrigger
from platform_spec.fan_out_arrays import document_uri
from tests.dags.lanes.array_model import ArrayModel, S3Model

MANIFEST = "s3://data/fanout/d/abc.json"
LAUNCH = BatchLaunch(
    attempt=Attempt("d", "r", "t", -1, 1, str(uuid.UUID(int=1)), "life"), lane="probe", region="us-east-1",
    command=["ok"], environment={}, sizes=[Size("small", 256, 512, 20)], capacity="on_demand", tags={},
    log_group="/g", log_stream_prefix="probe", result_uri=None, timeout_seconds=60.0,
    job_definition="definition:1", job_queue="queue",
)  # fmt: skip


class Channel:
    """The triggerer's channel: remembers messages, answers with the given states of the run."""

    def __init__(self, states):
        self.states, self.messages = states, []

    async def asend(self, message):
        self.messages.append(message)
        return TaskStatesResult(task_states=self.states) if isinstance(message, GetTaskStates) else None

    def xcoms(self):
        return {message.key: message.value for message in self.messages if isinstance(message, SetXCom)}


@pytest.fixture
def aws(monkeypatch):
    plan = {"batches": [{"index": index, "size": None} for index in range(6)]}
    model = ArrayModel(S3Model({"fanout/d/abc.json": json.dumps(plan).encode()}))

    async def shared(region, aws_conn_id):
        return Shared(AwsCalls({"batch": model, "s3": model.s3}))

    monkeypatch.setattr(array_trigger, "shared", shared)
    monkeypatch.setattr(array_trigger, "EARLIEST_RESUME_SECONDS", 0.0)
    monkeypatch.setattr(aws_poller, "SHORTEST_SECONDS", 0.01)
    monkeypatch.setattr(aws_calls, "CALLS_PER_SECOND", dict.fromkeys(aws_calls.CALLS_PER_SECOND, 1e3))
    return model


@pytest.fixture
def airflow(monkeypatch):
    def channel(states):
        made = Channel(states)
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", made, raising=False)
        return made

    return channel


def events(cancel_after=None, **kwargs):
    async def run():
        trigger = ArrayFanOutTrigger(
            launch=LAUNCH.to_dict(), growth={"small": []}, manifest_uri=MANIFEST,
            document_uri=document_uri(MANIFEST, "d", "r", "t", -1), asked={}, quarantine=True, started_at=0.0,
            **{"max_failed": 0, **kwargs},
        )  # fmt: skip

        async def collect():
            return [event async for event in trigger.run()]

        task = asyncio.create_task(collect())
        if cancel_after is not None:
            await asyncio.sleep(cancel_after)
            task.cancel()
        await asyncio.wait({task})
        return None if task.cancelled() else task.result()

    return asyncio.run(run())


def test_success_stores_summary_progress_and_result_and_ends_the_task(aws, airflow):
    channel = airflow({})
    [event] = events()
    assert isinstance(event, TaskSuccessEvent)
    xcoms = channel.xcoms()
    assert xcoms["return_value"] == MANIFEST
    assert (xcoms["fan_out_summary"]["state"], xcoms["fan_out_summary"]["succeeded"]) == ("complete", 6)
    assert xcoms["fan_out_progress"]["succeeded"] == 6


def test_a_tolerated_failure_is_partial_and_one_too_many_resumes_the_worker(aws, airflow):
    channel = airflow({})
    aws.ends = {2: ["error"]}
    [event] = events(max_failed=1)
    assert isinstance(event, TaskSuccessEvent)
    assert channel.xcoms()["fan_out_summary"]["failed"] == {"error": [2]}


def test_one_failure_too_many_resumes_the_worker_with_its_message(aws, airflow):
    airflow({})
    aws.ends = {2: ["error"]}
    [event] = events()
    assert type(event) is TriggerEvent
    assert event.payload["state"]["failed"] == {"2": "error"}
    assert event.payload["message"].startswith("1 of 6 batches of probe failed, 0 allowed")
    assert "batch 2: error: exit code 1" in event.payload["message"]


def test_a_fault_of_ours_and_a_refusal_reach_the_worker(aws, airflow):
    airflow({})
    del aws.s3.objects["fanout/d/abc.json"]
    [event] = events()
    assert event.payload["state"] is None
    assert event.payload["message"].startswith("internal: ")


@pytest.mark.parametrize("states", [{"r": {"t": "failed"}}, {"r": {"t": "success"}}, {"r": {}}, {}])
def test_ended_or_deleted_ends_the_arrays(aws, airflow, states):
    airflow(states)
    aws.per_look = 0
    assert events(cancel_after=0.4) is None
    assert len(aws.requests) == 1
    assert aws.open_children() == 0


@pytest.mark.parametrize("state", ["deferred", None, "scheduled", "queued", "up_for_retry"])
def test_a_triggerer_that_ends_and_a_cleared_task_end_nothing(aws, airflow, state):
    airflow({"r": {"t": state}})
    aws.per_look = 0
    assert events(cancel_after=0.4) is None
    assert aws.open_children() == 6


def test_a_superseded_triggerer_waits_and_carries_on_if_it_is_left_alone(aws, airflow, monkeypatch):
    channel, begun = airflow({}), []
    begin = array_trigger.ArrayWork.begin

    async def superseded_once(self, asked, *, quarantine):
        begun.append(self)
        if len(begun) == 1:
            raise Superseded("s3://data/x")
        await begin(self, asked, quarantine=quarantine)

    monkeypatch.setattr(array_trigger.ArrayWork, "begin", superseded_once)
    monkeypatch.setattr(array_trigger, "SUPERSEDED_SECONDS", 0.0)
    [event] = events()
    assert isinstance(event, TaskSuccessEvent)
    assert channel.xcoms()["fan_out_summary"]["succeeded"] == 6
    assert len(begun) == 2


def test_a_superseded_triggerer_ends_no_array_of_the_other_one(aws, airflow, monkeypatch):
    airflow({"r": {"t": "failed"}})
    aws.per_look, step = 0, array_trigger.ArrayWork.step

    async def superseded(self):
        await step(self)
        raise Superseded("s3://data/x")

    monkeypatch.setattr(array_trigger.ArrayWork, "step", superseded)
    assert events(cancel_after=0.4) is None
    assert len(aws.requests) == 1
    assert aws.open_children() == 6

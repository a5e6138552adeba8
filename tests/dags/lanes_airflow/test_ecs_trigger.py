"""What the trigger tells Airflow, and what it does when it is cancelled."""

import asyncio
import datetime as dt
import uuid
from dataclasses import replace
from types import SimpleNamespace

import pytest
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import GetTaskStates, SetXCom, TaskStatesResult
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from lanes.attempts import trigger as lane_trigger
from lanes.attempts.failures import Kind
from lanes.attempts.identity import Attempt
from lanes.attempts.launch import Size
from lanes.aws import poller as ecs_poller
from lanes.aws.calls import AwsCalls
from lanes.aws.shared import Shared
from lanes.ecs.launch import EcsLaunch
from lanes.ecs.trigger import RunTaskTrigger

STARTED = dt.datetime.now(dt.UTC)
ATTEMPT = Attempt("d", "r", "t", -1, 1, str(uuid.UUID(int=1)), "life")
LAUNCH = EcsLaunch(
    attempt=ATTEMPT, lane="probe", cluster="c", region="us-east-1", task_definition="f", container="probe",
    command=["ok"], environment={}, sizes=[Size("small", 256, 512, 20)], capacity="on_demand", subnets=["s"],
    security_groups=["g"], tags={}, log_group="/g", log_stream_prefix="probe", result_uri=None, timeout_seconds=3600.0,
)  # fmt: skip


class Channel:
    """The triggerer's channel: remembers messages, answers with the given state of the task."""

    def __init__(self, state="deferred", error=None):
        self.state, self.error, self.messages = state, error, []

    async def asend(self, message):
        self.messages.append(message)
        if self.error:
            raise self.error
        if isinstance(message, GetTaskStates):
            return TaskStatesResult(
                task_states=self.state if isinstance(self.state, dict) else {"r": {"t": self.state}}
            )
        return None


class Ecs:
    """A container that runs for `polls` polls and then exits with `code`."""

    def __init__(self, polls, code=0):
        self.polls, self.code, self.stopped = polls, code, []

    def run_task(self, **_):
        return {"tasks": [{"taskArn": "arn/1", "lastStatus": "PENDING"}], "failures": []}

    def describe_tasks(self, **_):
        self.polls -= 1
        running = self.polls >= 0
        container = {"name": "probe"} if running else {"name": "probe", "exitCode": self.code}
        status = "RUNNING" if running else "STOPPED"
        task = {"taskArn": "arn/1", "lastStatus": status, "containers": [container], "startedAt": STARTED}
        return {"tasks": [task], "failures": []}

    def stop_task(self, task, reason, **_):
        self.stopped.append((task, reason))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    from lanes.aws import calls as ecs_calls

    rates = dict.fromkeys(ecs_calls.CALLS_PER_SECOND, 1e3)
    monkeypatch.setattr(ecs_calls, "CALLS_PER_SECOND", rates)
    monkeypatch.setattr(ecs_poller, "SHORTEST_SECONDS", 0.001)
    monkeypatch.setattr(lane_trigger, "EARLIEST_RESUME_SECONDS", 0.0)


@pytest.fixture
def airflow(monkeypatch):
    def channel(*args, **kwargs):
        made = Channel(*args, **kwargs)
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", made, raising=False)
        return made

    return channel


def shared_with(monkeypatch, ecs):
    logs = SimpleNamespace(filter_log_events=lambda **_: {"events": []})

    async def shared(region, aws_conn_id):
        return Shared(AwsCalls({"ecs": ecs, "logs": logs}))

    monkeypatch.setattr(lane_trigger, "shared", shared)


def events(launch=LAUNCH, cancel_after=None, **kwargs):
    async def run():
        trigger = RunTaskTrigger(launch.to_dict(), prepared_at=2e9, **kwargs)

        async def collect():
            return [event async for event in trigger.run()]

        task = asyncio.create_task(collect())
        if cancel_after is not None:
            await asyncio.sleep(cancel_after)
            task.cancel()
        await asyncio.wait({task})
        return None if task.cancelled() else task.result()

    return asyncio.run(run())


def test_success_stores_its_xcoms_and_ends_the_task(monkeypatch, airflow):
    channel = airflow()
    shared_with(monkeypatch, Ecs(polls=2))
    [event] = events()
    assert isinstance(event, TaskSuccessEvent)
    assert set(event.xcoms) == {"_link_ContainerLink", "_link_ContainerLogLink"}
    [stored] = [message for message in channel.messages if isinstance(message, SetXCom)]
    assert (stored.key, stored.value["outcome"], stored.map_index) == ("lanes_run", "success", -1)


def test_failure_resumes_the_worker_with_its_message(monkeypatch, airflow):
    airflow()
    shared_with(monkeypatch, Ecs(polls=0, code=1))
    [event] = events()
    assert type(event) is TriggerEvent
    assert event.payload["kind"] == "error"
    assert event.payload["message"].startswith("error: exit code 1")
    assert event.payload["try_number"] == 1


def test_success_resumes_the_worker_when_it_has_to_record_outlets(monkeypatch, airflow):
    airflow()
    shared_with(monkeypatch, Ecs(polls=0))
    [event] = events(resume_on_success=True)
    assert type(event) is TriggerEvent
    assert event.payload["failed"] is False


@pytest.mark.parametrize("state", ["failed", "success", "running", "scheduled", None, {}, {"r": {}}])
def test_cancelled_because_the_task_is_no_longer_deferred_stops_the_container(monkeypatch, airflow, state):
    airflow(state=state)
    shared_with(monkeypatch, ecs := Ecs(polls=10_000))
    assert events(cancel_after=0.2) is None
    [(task, reason)] = ecs.stopped
    assert task == "arn/1"
    assert ATTEMPT.attempt_id in reason


@pytest.mark.parametrize("channel", [{"state": "deferred"}, {"error": RuntimeError("out of order")}])
def test_cancelled_because_the_triggerer_ends_stops_nothing(monkeypatch, airflow, channel):
    airflow(**channel)
    shared_with(monkeypatch, ecs := Ecs(polls=10_000))
    assert events(cancel_after=0.2) is None
    assert ecs.stopped == []


def test_a_mapped_task_is_asked_for_by_its_index(monkeypatch, airflow):
    channel = airflow(state={"r": {"t_3": "deferred", "t": "failed"}})
    shared_with(monkeypatch, ecs := Ecs(polls=10_000))
    launch = replace(LAUNCH, attempt=replace(ATTEMPT, map_index=3))
    assert events(launch, cancel_after=0.2) is None
    assert channel.messages[-1].map_index == 3
    assert ecs.stopped == []


def test_a_container_that_is_just_being_started_is_stopped_too(monkeypatch, airflow):
    airflow(state="failed")
    import time

    ecs = Ecs(polls=10_000)
    answer = ecs.run_task
    ecs.run_task = lambda **request: (time.sleep(0.6), answer(**request))[1]
    shared_with(monkeypatch, ecs)
    assert events(cancel_after=0.2) is None
    assert [task for task, _ in ecs.stopped] == ["arn/1"]


def test_a_fault_of_ours_fails_the_task_with_its_message_and_leaves_no_container(monkeypatch, airflow):
    airflow(error=RuntimeError("no XCom today"))
    monkeypatch.setattr("lanes.airflow_channel._XCOM_TRIES", 1)
    shared_with(monkeypatch, ecs := Ecs(polls=0))
    [event] = events()
    assert event.payload["kind"] == Kind.INTERNAL
    assert "no XCom today" in event.payload["message"]
    assert ecs.stopped


def test_a_busy_triggerer_that_answers_late_costs_no_container_its_success(monkeypatch, airflow):
    """One message at a time: when hundreds end at once, an answer takes longer than a person's question may."""
    channel = airflow()
    at_once = channel.asend

    async def late(message):
        await asyncio.sleep(0.3)
        return await at_once(message)

    channel.asend = late
    monkeypatch.setattr("lanes.airflow_channel._ANSWER_SECONDS", 0.05)
    shared_with(monkeypatch, ecs := Ecs(polls=0))
    [event] = events()
    assert isinstance(event, TaskSuccessEvent)
    stored = [message.key for message in channel.messages if isinstance(message, SetXCom)]
    assert stored == ["lanes_run"]  # asked once: another message would only lengthen the queue
    assert ecs.stopped == []

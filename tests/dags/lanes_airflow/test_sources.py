"""Waiting for a source: what counts as a change, and how the trigger ends."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.triggers.base import TaskSkippedEvent, TaskSuccessEvent
from botocore.exceptions import ClientError, EndpointConnectionError

from lanes.sources import trigger as source_trigger
from lanes.sources.listing import Source

ROOT = Path(__file__).parents[3]
SOURCE = Source("data", "raw/orders/", ".parquet", "results/daily/v1/")
ATTEMPT = {
    "dag_id": "d",
    "run_id": "r",
    "task_id": "t",
    "map_index": -1,
    "try_number": 1,
    "attempt_id": "a",
    "life": "l",
}


class Bucket:
    """Answers list_objects_v2 from a dictionary of key → ETag."""

    def __init__(self, **objects):
        self.objects = {key.replace("__", "/").replace("_dot_", "."): etag for key, etag in objects.items()}

    def get_paginator(self, name):
        assert name == "list_objects_v2"
        return self

    def paginate(self, *, Bucket, Prefix):
        assert Bucket == "data"
        found = sorted((key, etag) for key, etag in self.objects.items() if key.startswith(Prefix))
        return [{"Contents": [{"Key": key, "ETag": etag, "Size": 1}]} for key, etag in found] or [{}]


def test_each_change_is_a_state_of_its_own_and_a_done_one_is_no_change():
    s3 = Bucket()
    assert SOURCE.changed(s3) == ""
    s3.objects["raw/orders/notes.txt"] = "0"
    assert SOURCE.changed(s3) == ""
    states = []
    for key, etag in (("a", "1"), ("b", "1"), ("a", "2")):
        s3.objects[f"raw/orders/{key}.parquet"] = etag
        states.append(SOURCE.changed(s3))
    del s3.objects["raw/orders/b.parquet"]
    states.append(SOURCE.changed(s3))
    assert len(set(states)) == 4
    assert "" not in states
    s3.objects[f"results/daily/v1/{states[-1]}.json.part"] = "1"
    assert SOURCE.changed(s3) == states[-1]
    s3.objects[f"results/daily/v1/{states[-1]}.json"] = "1"
    assert SOURCE.changed(s3) == ""


def test_the_image_computes_the_same_state():
    python = ROOT / ".venvs/daily_transform/bin/python"
    if not python.exists():
        pytest.skip("the image's environment is not made (make setup)")
    s3 = Bucket()
    s3.objects |= {"raw/orders/b.parquet": '"2"', "raw/orders/a.parquet": '"1"'}
    files = "[StoredObject('raw/orders/b.parquet', '\"2\"', 1), StoredObject('raw/orders/a.parquet', '\"1\"', 1)]"
    code = f"from daily_transform.bucket import StoredObject, fingerprint; print(fingerprint({files}))"
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert told == SOURCE.state(s3)


@pytest.fixture
def pushed(monkeypatch):
    found = {}

    async def push(attempt, values):
        found.update(values)

    monkeypatch.setattr(source_trigger, "push_xcoms", push)
    return found


async def events(trigger):
    return [event async for event in trigger.run()]


def made(**times):
    from dataclasses import asdict

    return source_trigger.SourceChangedTrigger(source=asdict(SOURCE), attempt=ATTEMPT, **times)


def test_a_change_ends_the_task_with_the_state(monkeypatch, pushed):
    s3 = Bucket()
    monkeypatch.setattr(source_trigger, "_client", lambda: s3)

    async def scenario():
        running = asyncio.create_task(events(made(poll_seconds=0.01, wait_seconds=60)))
        await asyncio.sleep(0.05)
        s3.objects["raw/orders/a.parquet"] = "1"
        return await running

    (event,) = asyncio.run(scenario())
    assert isinstance(event, TaskSuccessEvent)
    assert pushed == {"return_value": SOURCE.state(s3)}


def test_no_change_skips_and_a_refusal_is_told(monkeypatch, pushed):
    monkeypatch.setattr(source_trigger, "_client", Bucket)
    (event,) = asyncio.run(events(made(poll_seconds=0.01, wait_seconds=0)))
    assert isinstance(event, TaskSkippedEvent)

    def refused():
        raise RuntimeError("AccessDenied")

    monkeypatch.setattr(source_trigger, "_client", refused)
    monkeypatch.setattr(source_trigger, "EARLIEST_RESUME_SECONDS", 0.0)
    (event,) = asyncio.run(events(made(poll_seconds=1, wait_seconds=0)))
    assert event.payload == {"message": "s3://data/raw/orders/: AccessDenied"}
    assert pushed == {}


def interrupted(*errors):
    """A bucket whose first looks end in `errors`."""
    left = list(errors)

    class Interrupted(Bucket):
        def paginate(self, **asked):
            if left:
                raise left.pop(0)
            return super().paginate(**asked)

    return Interrupted(raw__orders__a_dot_parquet="1")


def error_of(code, status):
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "ListObjectsV2")


UNREACHABLE = EndpointConnectionError(endpoint_url="https://s3")


def test_a_look_that_aws_does_not_answer_is_repeated(monkeypatch, pushed):
    """A wait of hours does not end with a minute without network."""
    s3 = interrupted(UNREACHABLE, error_of("SlowDown", 503), error_of("InternalError", 500))
    monkeypatch.setattr(source_trigger, "_client", lambda: s3)
    (event,) = asyncio.run(events(made(poll_seconds=0.01, wait_seconds=60)))
    assert isinstance(event, TaskSuccessEvent)
    assert pushed == {"return_value": SOURCE.state(s3)}


@pytest.mark.parametrize(("error", "wait_seconds"), [(error_of("AccessDenied", 403), 60), (UNREACHABLE, 0)])
def test_a_refusal_and_a_last_look_without_an_answer_are_told(monkeypatch, pushed, error, wait_seconds):
    monkeypatch.setattr(source_trigger, "_client", lambda: interrupted(error))
    monkeypatch.setattr(source_trigger, "EARLIEST_RESUME_SECONDS", 0.0)
    (event,) = asyncio.run(events(made(poll_seconds=0.01, wait_seconds=wait_seconds)))
    assert str(error) in event.payload["message"]
    assert pushed == {}


def test_it_survives_its_own_serialisation():
    path, kwargs = made(poll_seconds=1.0, wait_seconds=2.0).serialize()
    assert path == "lanes.sources.trigger.SourceChangedTrigger"
    assert source_trigger.SourceChangedTrigger(**kwargs).serialize() == (path, kwargs)
    assert sys.modules["lanes.sources.trigger"] is source_trigger

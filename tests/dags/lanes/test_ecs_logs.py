"""The log arrives complete, in order, once, for all containers with few calls; and what cannot be had is named."""

import asyncio
import datetime as dt
import logging

import pytest
from botocore.exceptions import ClientError

from lanes.aws import logs as ecs_logs
from lanes.aws.calls import AwsCalls
from lanes.aws.logs import LogReader, LogTail

CREATED = dt.datetime.now(dt.UTC)
BEGIN = int(CREATED.timestamp() * 1000)


class Streams:
    """A log group that answers as FilterLogEvents does: partial and empty pages, the end where no token comes back."""

    def __init__(self, streams, pages_of=2, errors=()):
        self.streams, self.pages_of, self.errors, self.calls = streams, pages_of, list(errors), []

    def filter_log_events(self, logStreamNames, startTime, limit, nextToken="0", **_):
        self.calls.append(list(logStreamNames))
        if self.errors:
            raise ClientError({"Error": {"Code": self.errors.pop(0), "Message": "m"}}, "FilterLogEvents")
        if any(name not in self.streams for name in logStreamNames):
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "m"}}, "FilterLogEvents")
        assert len(logStreamNames) <= 100
        events = sorted(
            (
                {"timestamp": BEGIN + n, "message": line, "eventId": f"{name}/{n}", "logStreamName": name}
                for name in logStreamNames
                for n, line in enumerate(self.streams[name])
                if BEGIN + n >= startTime
            ),
            key=lambda event: event["timestamp"],
        )
        begin = int(nextToken) // 2
        if int(nextToken) % 2:  # every other page is empty
            return {"events": [], "nextToken": str(int(nextToken) + 1)}
        page = events[begin : begin + self.pages_of]
        more = {"nextToken": str(2 * (begin + self.pages_of) - 1)} if begin + len(page) < len(events) else {}
        return {"events": page, **more}


@pytest.fixture(autouse=True)
def quick(no_waiting, monkeypatch):
    monkeypatch.setattr(ecs_logs, "LOOK_EVERY_SECONDS", 0.0)


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "lanes.container")
    return lambda: [record.message.split("] ", 1)[-1] for record in caplog.records]


def read(client, names=("s",), looks=0, before_end=lambda: None):
    """Follow the streams for so many rounds of looks, then read their ends; their tails."""

    async def one(reader, name):
        tail = LogTail(name)
        tail.begins(CREATED)
        if looks:
            reader.follow(tail)
            until = len(client.calls) + looks
            while len(client.calls) < until:
                await asyncio.sleep(0.001)
                await tail.show()
        before_end()
        await reader.finish(tail)
        return tail

    async def work():
        reader = LogReader(AwsCalls({"logs": client}), "group")
        return await asyncio.gather(*(one(reader, name) for name in names))

    return asyncio.run(work())


def test_partial_and_empty_pages_are_not_the_end(lines):
    read(Streams({"s": ["a", "b", "c", "d", "e"]}))
    assert lines() == ["a", "b", "c", "d", "e"]


def test_the_ends_of_a_hundred_short_logs_are_one_call(lines):
    client = Streams({f"s{n}": [f"line of {n}"] for n in range(100)}, pages_of=1000)
    tails = read(client, names=list(client.streams))
    assert [list(tail.last_lines) for tail in tails] == [[f"line of {n}"] for n in range(100)]
    assert len(client.calls) == 1


def test_no_call_names_more_than_a_hundred_streams(lines):
    client = Streams({f"s{n}": ["x"] for n in range(250)}, pages_of=1000)
    read(client, names=list(client.streams))
    assert [len(names) for names in client.calls] == [100, 100, 50]


def test_what_a_look_has_shown_is_not_shown_again(lines):
    client = Streams({"s": ["a", "b"]})
    read(client, looks=3, before_end=lambda: client.streams["s"].append("c"))
    assert lines() == ["a", "b", "c"]


def test_a_line_that_reaches_cloudwatch_late_is_not_lost(lines):
    client = Streams({"s": ["a", "b"]})
    read(client, looks=3, before_end=lambda: client.streams.update(s=["a", "b", "late"]))
    assert lines() == ["a", "b", "late"]


def test_a_stream_that_is_not_there_does_not_spoil_the_others(lines):
    read(Streams({"s": ["a"]}), names=["s", "gone"], looks=2)
    assert lines()[0] == "a"
    assert [line for line in lines() if "the stream is not there" in line and "stream gone" in line]


def test_throttling_is_waited_out(lines):
    read(Streams({"s": ["a"]}, errors=["ThrottlingException"] * 10))
    assert lines()[-1] == "a"


def test_a_log_that_stays_throttled_is_left_out_with_a_marker(lines, monkeypatch):
    monkeypatch.setattr(ecs_logs, "END_PATIENCE_SECONDS", 0.05)
    read(Streams({"s": ["a"]}, errors=["ThrottlingException"] * 10_000))
    assert [line for line in lines() if "left out" in line and "log group group, stream s" in line]


def test_an_endless_log_is_cut_with_a_marker(lines, monkeypatch):
    monkeypatch.setattr(ecs_logs, "MOST_LINES", 3)
    read(Streams({"s": ["a"] * 10, "t": ["b"] * 10}), names=["s", "t"])
    assert sorted(line for line in lines() if len(line) == 1) == ["a", "a", "a", "b", "b", "b"]
    assert sum("only so many are shown" in line for line in lines()) == 2


def test_a_long_log_is_not_kept_in_memory(lines, monkeypatch):
    monkeypatch.setattr(ecs_logs, "SHORT_LOG_LINES", 3)
    monkeypatch.setattr(ecs_logs, "LATE_SECONDS", -1.0)
    client = Streams({"s": list("abcdef")})
    [tail] = read(client, looks=4)
    assert lines() == list("abcdef")
    assert len(tail._seen) <= 3

"""The log arrives complete, in order, once; and what cannot be had is named."""

import asyncio
import logging

import pytest
from botocore.exceptions import ClientError

from lanes.attempts import retries
from lanes.ecs import calls as ecs_calls
from lanes.ecs import logs as ecs_logs
from lanes.ecs.calls import AwsCalls
from lanes.ecs.logs import LogTail


class Stream:
    """A log stream that answers as GetLogEvents does: partial and empty pages, the end by an unchanged token."""

    def __init__(self, pages, errors=()):
        self.pages, self.errors, self.calls = pages, list(errors), 0

    def get_log_events(self, nextToken="t0", limit=10000, **_):
        self.calls += 1
        if self.errors:
            raise ClientError({"Error": {"Code": self.errors.pop(0), "Message": "m"}}, "GetLogEvents")
        number = int(nextToken[1:])
        if number >= len(self.pages):
            return {"events": [], "nextForwardToken": nextToken}
        events = [{"timestamp": 1000, "message": line} for line in self.pages[number]]
        return {"events": events, "nextForwardToken": f"t{number + 1}"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(retries, "FIRST_DELAY_SECONDS", 1e-6)
    monkeypatch.setattr(ecs_calls, "CALLS_PER_SECOND", dict.fromkeys(ecs_calls.CALLS_PER_SECOND, 1e9))


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "lanes.container")
    return lambda: [record.message.split("] ", 1)[-1] for record in caplog.records]


def read(stream, looks=0, containers=1):
    async def work():
        tail = LogTail(AwsCalls({"logs": stream}), "group", "stream")
        for _ in range(looks):
            await tail.look(containers)
        await tail.read_rest()
        await tail.confirm_end()
        await tail.confirm_end()  # a second time costs nothing
        return tail

    return asyncio.run(work())


def test_partial_and_empty_pages_are_not_the_end(lines):
    stream = Stream([["a", "b"], [], ["c"], [], [], ["d"]])
    read(stream)
    assert lines() == ["a", "b", "c", "d"]
    assert stream.calls == 7


def test_a_short_log_costs_two_calls(lines):
    stream = Stream([["a"]])
    assert list(read(stream).last_lines) == ["a"]
    assert stream.calls == 2


def test_what_a_look_has_shown_is_not_shown_again(lines):
    read(Stream([["a"], ["b"]]), looks=1)
    assert lines() == ["a", "b"]


def test_running_containers_take_turns():
    stream = Stream([["a"]] * 50)
    asyncio.run(_look_often(stream, containers=300))
    assert stream.calls == 1  # the next turn of this one comes in 300 s


async def _look_often(stream, containers):
    tail = LogTail(AwsCalls({"logs": stream}), "group", "stream")
    for _ in range(20):
        await tail.look(containers)


def test_throttling_is_waited_out(lines):
    read(Stream([["a"]], errors=["ThrottlingException"] * 10))
    assert lines()[-1] == "a"


def test_a_log_that_stays_throttled_is_left_out_with_a_marker(lines, monkeypatch):
    monkeypatch.setattr(ecs_logs, "END_PATIENCE_SECONDS", -1.0)
    read(Stream([["a"]], errors=["ThrottlingException"] * 3))
    assert [line for line in lines() if "left out" in line and "log group group, stream stream" in line]


def test_an_endless_log_is_cut_with_a_marker(lines, monkeypatch):
    monkeypatch.setattr(ecs_logs, "MOST_LINES", 3)
    monkeypatch.setattr(ecs_logs, "PAGE_LINES", 1)
    read(Stream([["a"]] * 10))
    assert lines()[:3] == ["a", "a", "a"]
    assert "left out" in lines()[-1]


def test_a_container_that_wrote_nothing_is_no_error(lines):
    read(Stream([], errors=["ResourceNotFoundException"]))
    assert lines() == ["the container wrote no log"]

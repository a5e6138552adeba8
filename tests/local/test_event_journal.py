"""Log events survive a kill: those since the last snapshot, each once, also while a snapshot is being made."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs as service

from local.aws.logs.event_journal import EventJournal

GROUP = "/journal"


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EventJournal]:
    for name in ("_put_log_events", "_create_log_stream", "_append_log_events"):
        monkeypatch.setattr(service, name, getattr(service, name))  # undone after the test
    made = EventJournal(tmp_path / "events.jsonl")
    made.install()
    with request_scope("000000000000", "us-east-1"):
        service._create_log_group({"logGroupName": GROUP})
        service._create_log_stream({"logGroupName": GROUP, "logStreamName": "s"})
        yield made
        service._log_groups.pop(GROUP, None)


def put(*lines: str) -> None:
    events = [{"timestamp": 1000, "message": line} for line in lines]
    service._put_log_events({"logGroupName": GROUP, "logStreamName": "s", "logEvents": events})


def kept() -> list[str]:
    return [event["message"] for event in service._log_groups[GROUP]["streams"]["s"]["events"]]


def lose() -> None:
    """What a kill leaves: a snapshot of before the stream was made."""
    service._log_groups[GROUP]["streams"].clear()


def test_events_and_their_stream_come_back_with_their_ids(journal: EventJournal) -> None:
    put("a", "b")
    ids = [event["eventId"] for event in service._log_groups[GROUP]["streams"]["s"]["events"]]
    lose()
    journal.restore()
    assert kept() == ["a", "b"]
    assert [event["eventId"] for event in service._log_groups[GROUP]["streams"]["s"]["events"]] == ids
    journal.restore()
    assert kept() == ["a", "b"]


def test_a_kill_during_a_snapshot_loses_nothing(journal: EventJournal) -> None:
    put("a")
    journal.before_snapshot()
    put("b")
    lose()
    journal.restore()
    assert kept() == ["a", "b"]


def test_a_snapshot_that_failed_keeps_its_events_for_the_next(journal: EventJournal) -> None:
    put("a")
    journal.before_snapshot()
    put("b")
    journal.before_snapshot()
    put("c")
    lose()
    journal.restore()
    assert kept() == ["a", "b", "c"]


def test_what_a_snapshot_holds_is_forgotten(journal: EventJournal, tmp_path: Path) -> None:
    put("a" * 1000)
    journal.before_snapshot()
    journal.after_snapshot()
    put("b")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 500


def test_a_line_cut_off_by_the_kill_harms_nothing(journal: EventJournal, tmp_path: Path) -> None:
    put("a")
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"account": "0000')
    lose()
    journal.restore()
    assert kept() == ["a"]

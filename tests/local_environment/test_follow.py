"""The story of a start, as a terminal shows it."""

from pathlib import Path

import pytest
from rich.console import Console

from local.events import Events
from local.follow import follow
from local.processes import LocalError


def test_phases_are_shown_until_it_is_ready(tmp_path: Path) -> None:
    events = Events(tmp_path)
    with events.phase("emulator"):
        events.tell("info", "images", "one: process")
    events.tell("ready", "local", "http://127.0.0.1:1")
    console = Console(record=True, width=200, file=(tmp_path / "screen").open("w"))
    seen = follow(events, console, alive=lambda: True)
    assert [event["kind"] for event in seen] == ["begin", "info", "end", "ready"]
    assert "✓ emulator" in console.export_text()


@pytest.mark.parametrize(
    ("kind", "detail", "message"),
    [("failed", "the emulator was killed by signal 9", "was killed by signal 9"), ("stopped", "", "was stopped while")],
)
def test_a_failed_start_is_one_message(tmp_path: Path, kind: str, detail: str, message: str) -> None:
    events = Events(tmp_path)
    events.tell(kind, "local", detail)
    with pytest.raises(LocalError, match=message):
        follow(events, Console(file=(tmp_path / "screen").open("w")), alive=lambda: True)


def test_a_supervisor_that_vanishes_shows_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "supervisor.log").write_text("ImportError: no such thing\n")
    with pytest.raises(LocalError, match=r"supervisor ended; the end of .*\n    ImportError: no such thing"):
        follow(Events(tmp_path), Console(file=(tmp_path / "screen").open("w")), alive=lambda: False)


def test_an_event_half_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    events = Events(tmp_path)
    events.tell("info", "a")
    whole = events.path.read_text()
    events.path.write_text(whole + '{"kind": "in')
    found, offset = events.read(0)
    assert len(found) == 1
    events.path.write_text(whole + whole)
    assert len(events.read(offset)[0]) == 1

"""What survives a kill: the last fact counts, a cut-off line harms nothing, the file does not grow for ever."""

from pathlib import Path

import pytest

from local.aws import journal
from local.aws.journal import Journal


def opened(path: Path, taken: dict[str, dict]) -> Journal:
    made = Journal(path)
    made.register("thing", taken.__setitem__, lambda _, fact: fact["keep"])
    return made


def test_the_last_fact_of_each_thing_is_restored(tmp_path: Path) -> None:
    first = opened(tmp_path / "journal", {})
    first.write("thing", "a", {"keep": True, "state": 1})
    first.write("thing", "b", {"keep": False})
    first.write("thing", "a", {"keep": True, "state": 2})
    with (tmp_path / "journal").open("a") as file:
        file.write('["thing", "c", {"ke')  # the process was killed while it wrote
    taken: dict[str, dict] = {}
    second = opened(tmp_path / "journal", taken)
    second.restore()
    assert taken == {"a": {"keep": True, "state": 2}, "b": {"keep": False}}
    assert (tmp_path / "journal").read_text() == '["thing", "a", {"keep": true, "state": 2}]\n'
    second.write("thing", "d", {"keep": True})
    again: dict[str, dict] = {}
    opened(tmp_path / "journal", again).restore()
    assert set(again) == {"a", "d"}


def test_a_grown_file_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_COMPACT_BYTES", 1000)
    made = opened(tmp_path / "journal", {})
    for number in range(100):
        made.write("thing", "a", {"keep": True, "number": number})
    made.compact()
    assert (tmp_path / "journal").read_text() == '["thing", "a", {"keep": true, "number": 99}]\n'
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o600

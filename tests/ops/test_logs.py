"""`tasklane logs --follow`: no line is lost, none told twice, whatever happens between two looks."""

from collections.abc import Callable
from typing import Any

import pytest

from ops.errors import UserError
from ops.runs import logs

RUN = {"dag_id": "daily", "dag_run_id": "r"}
Look = tuple[str | None, int, dict[int, list[str]]]  # the task's state and attempt, lines by attempt


class Rest:
    """Airflow as it is at each look; after the last it stays so."""

    def __init__(self, *looks: Look) -> None:
        self.looks, self.now = looks, 0

    def pause(self, _seconds: float) -> None:
        self.now += 1
        assert self.now < 50, "it never ends"

    @property
    def look(self) -> Look:
        return self.looks[min(self.now, len(self.looks) - 1)]

    def all(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
        state, attempt, _lines = self.look
        task = {"task_id": "talk", "map_index": -1, "start_date": None, "state": state, "try_number": attempt, **RUN}
        return [task]

    def find(self, path: str, **_: Any) -> dict[str, Any] | None:
        if "/logs/" not in path:
            return RUN
        lines = self.look[2].get(int(path.rpartition("/")[2]))
        return None if lines is None else {"content": lines}


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[str], str]]:
    def follow(*looks: Look, attempt: int = 0) -> tuple[list[str], str]:
        rest: Any = Rest(*looks)
        monkeypatch.setattr(logs.time, "sleep", rest.pause)
        lines: list[str] = []
        state = logs.show_logs(
            rest, "daily", "r", "talk", lambda _, line: lines.append(line), attempt=attempt, follow=True
        )
        return lines, state

    return follow


def test_the_end_of_an_attempt_is_told_though_the_next_one_runs_already(followed: Any) -> None:
    told, state = followed(
        ("running", 1, {1: ["a"]}),
        ("running", 2, {1: ["a", "ValueError"], 2: ["b"]}),
        ("success", 2, {1: ["a", "ValueError"], 2: ["b", "c"]}),
    )
    assert (told, state) == (["a", "ValueError", "b", "c"], "success")


def test_attempts_that_came_and_went_between_two_looks_are_told(followed: Any) -> None:
    told, _ = followed(("running", 1, {1: ["a"]}), ("failed", 3, {1: ["a"], 2: ["b"], 3: ["c"]}))
    assert told == ["a", "b", "c"]


def test_what_is_written_after_the_end_is_told(followed: Any) -> None:
    """Callbacks run when Airflow knows the state already."""
    told, state = followed(("failed", 1, {1: ["a"]}), ("failed", 1, {1: ["a", "failure told"]}))
    assert (told, state) == (["a", "failure told"], "failed")


def test_an_attempt_that_is_still_to_come_is_waited_for(followed: Any) -> None:
    told, _ = followed((None, 1, {1: ["a"]}), ("running", 2, {2: ["b"]}), ("success", 2, {2: ["b"]}), attempt=2)
    assert told == ["b"]


def test_an_attempt_that_never_was_is_refused(followed: Any) -> None:
    with pytest.raises(UserError, match="--try 7: there is no such attempt; allowed: 1 to 2"):
        followed(("success", 2, {1: ["a"], 2: ["b"]}), attempt=7)


def test_a_log_that_is_cut_off_on_its_way_is_an_error_with_the_place_of_the_whole_one() -> None:
    class CutOff:
        def find(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {"body": '{"content": [{"event": "a'}

    task = {"task_id": "talk", "map_index": -1, **RUN}
    with pytest.raises(UserError, match="does not come through whole\nMWAA passes on at most 6 MB within 10 s: read"):
        logs.read_log(CutOff(), task, 1)  # type: ignore[arg-type]

"""Where a fan-out stands and what it means, without Airflow."""

import pytest

from lanes.fan_outs.child_runs.states import ChildState, judge
from lanes.fan_outs.progress import Progress, span
from lanes.fan_outs.state import FanOutState, Tolerance, describe, summary


@pytest.mark.parametrize(
    ("tasks", "state"),
    [
        (None, ChildState.ABSENT),
        ({}, ChildState.ABSENT),
        ({"a": None, "b": None}, ChildState.WAITING),
        ({"a": "scheduled"}, ChildState.WAITING),
        ({"a": "success", "b": None}, ChildState.RUNNING),
        ({"a": "deferred"}, ChildState.RUNNING),
        ({"a": "up_for_retry"}, ChildState.RUNNING),
        ({"a": "success", "b": "removed"}, ChildState.SUCCEEDED),
        ({"a": "success", "b": "failed"}, ChildState.ENDED),
        # A person marked the run as failed before anything ran: not a success.
        ({"a": "skipped", "b": "skipped"}, ChildState.ENDED),
    ],
)
def test_task_states_tell_the_state_of_a_child(tasks, state):
    assert judge(tasks) is state


def test_room_is_what_max_parallel_leaves():
    state = FanOutState(list(range(10)))
    assert state.dispatched(state.room(4)) == [0, 1, 2, 3]
    assert (state.room(4), state.wants_more(4)) == (0, False)
    state.end(1, None)
    assert state.wants_more(4)
    assert FanOutState(list(range(10))).room(0) == 10
    large = FanOutState(list(range(500)), running=list(range(500, 590)))
    assert not large.wants_more(100)  # ten free places of a hundred are not worth a worker's start
    assert FanOutState([1]).wants_more(100)


def test_state_survives_json():
    state = FanOutState([5], [4], [3], {2: "memory"})
    assert FanOutState.from_dict(state.to_dict()) == state
    assert (state.total, state.ended, state.over) == (4, 2, False)


@pytest.mark.parametrize(
    ("max_failed", "failed", "verdict"),
    [
        (0, {}, "complete"),
        (0, {1: "error"}, "failed"),
        (1, {1: "error"}, "partial"),
        (1, {1: "error", 2: "memory"}, "failed"),
        (0.5, {1: "error", 2: "memory"}, "partial"),
        (0.2, {1: "error"}, "failed"),
        (0, {1: "input", 2: "input"}, "complete"),
    ],
)
def test_tolerance_counts_what_is_not_quarantined(max_failed, failed, verdict):
    state = FanOutState([], [], [i for i in range(4) if i not in failed], failed)
    assert summary(state, Tolerance(max_failed))["state"] == verdict


def test_without_quarantine_bad_input_counts():
    state = FanOutState([], [], [0], {1: "input"})
    assert summary(state, Tolerance(0, quarantine=False))["state"] == "failed"
    assert summary(state, Tolerance(0))["quarantined"] == [1]


@pytest.mark.parametrize("value", [-1, 1.5])
def test_a_tolerance_that_means_nothing_is_refused(value):
    with pytest.raises(ValueError, match=f"{value} is neither a number of batches"):
        Tolerance(value)


def test_the_error_lists_failures_by_class():
    state = FanOutState([], [], [9], {0: "memory", 1: "memory", 2: "memory", 5: "error"})
    text = describe("child", state, Tolerance(2), lambda index: f"run-{index}")
    assert "4 of 5 child runs of child failed, 2 allowed" in text
    assert "memory: 3 (batches 0-2)" in text
    assert "error: 1 (batches 5)" in text
    assert "run-5" in text


def test_the_time_left_follows_the_rate():
    state = FanOutState([], list(range(10)))
    progress = Progress(1000.0, state)
    assert progress.eta_seconds(state, 1010.0) is None
    state.end(0, None)
    state.end(1, "error")
    progress.note(state, 1020.0)
    assert progress.eta_seconds(state, 1020.0) == pytest.approx(80.0)
    assert "2 of 10 batches ended: 1 succeeded, 1 failed; 8 open; 20 s so far, about 1 min 20 s left" in progress.line(
        state, 1020.0
    )
    assert [span(s) for s in (5, 65, 3700)] == ["5 s", "1 min 05 s", "1 h 01 min"]

"""The scheduler's listener of `tasklane hold`, on Airflow's own models: what it does to a run about to start."""

import datetime as dt
import json
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[3] / "plugins"
if str(PLUGINS) not in sys.path:
    sys.path.insert(0, str(PLUGINS))

import sqlalchemy as sa  # noqa: E402
from airflow.models import import_all_models  # noqa: E402
from airflow.models.base import Base  # noqa: E402
from airflow.models.dagrun import DagRun  # noqa: E402
from airflow.models.variable import Variable  # noqa: E402
from airflow.utils.state import DagRunState  # noqa: E402
from airflow.utils.types import DagRunType  # noqa: E402
from sqlalchemy.orm import Session  # noqa: E402
from tasklane_hold import PREFIX, _Listener, first_held  # noqa: E402

QUEUED = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)
HOLD = {"from": "2026-11-18T00:00:00+00:00", "by": "ada", "at": "now", "reason": "bad source"}


@pytest.fixture
def session():
    """An empty database of this Airflow version, in memory."""
    import_all_models()
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as opened:
        yield opened


def about_to_start(session, day: int | None, note: str | None = None):
    """A run as the scheduler has it when it tells its listeners: running in memory, nothing committed."""
    date = None if day is None else dt.datetime(2026, 11, day, tzinfo=dt.UTC)
    run = DagRun(
        dag_id="d", run_id=f"r{day}", logical_date=date, run_after=date or dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
        run_type=DagRunType.MANUAL, state=DagRunState.QUEUED, queued_at=QUEUED,
    )  # fmt: skip
    session.add(run)
    session.flush()
    if note:
        run.note = note
    run.state = DagRunState.RUNNING
    run.start_date = dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC)
    return run


def hold(session, value: str) -> Variable:
    variable = Variable(key=f"{PREFIX}d", val=value)
    session.add(variable)
    session.flush()
    return variable


@pytest.mark.parametrize(("day", "waits"), [(17, False), (18, True), (19, True), (None, True)])
def test_only_later_runs_wait(session, day: int | None, waits: bool) -> None:
    hold(session, json.dumps(HOLD))
    run = about_to_start(session, day)
    _Listener().on_dag_run_running(dag_run=run, msg="started")
    session.flush()
    assert run.state == (DagRunState.QUEUED if waits else DagRunState.RUNNING)
    assert (run.start_date is None) == waits
    assert ("ada: bad source" in str(run.note)) == waits
    if waits:
        assert run.queued_at == QUEUED  # as old as it was
        assert run.last_scheduling_decision is not None  # behind those that were not looked at


def test_held_runs_are_looked_at_in_the_order_of_their_dates(session) -> None:
    """The later one came to the scheduler first: its next look sorts by last decision, then by date."""
    hold(session, json.dumps(HOLD))
    decided = []
    for day in (19, 18):
        run = about_to_start(session, day)
        _Listener().on_dag_run_running(dag_run=run, msg="started")
        decided.append(run.last_scheduling_decision)
    assert decided[0] <= decided[1]
    assert {(at.second % 10, at.microsecond) for at in decided} == {(0, 0)}


def test_a_released_run_starts_and_keeps_its_own_note(session) -> None:
    variable = hold(session, json.dumps(HOLD))
    run = about_to_start(session, 19, note="for the paper")
    listener = _Listener()
    listener.on_dag_run_running(dag_run=run, msg="started")
    assert run.note.startswith("Held: ")
    listener.on_dag_run_running(dag_run=run, msg="started")  # the next loop: the same note, no second one
    assert run.note.count("Held: ") == 1
    session.delete(variable)
    session.flush()
    run.state = DagRunState.RUNNING
    listener.on_dag_run_running(dag_run=run, msg="started")
    session.flush()
    assert run.state == DagRunState.RUNNING
    assert run.note.startswith("Was held, released ")
    assert run.note.endswith("for the paper")


def test_a_dag_that_is_not_held_is_left_alone(session) -> None:
    run = about_to_start(session, 19)
    _Listener().on_dag_run_running(dag_run=run, msg="started")
    assert (run.state, run.note) == (DagRunState.RUNNING, None)


def test_a_hold_that_cannot_be_read_holds_everything() -> None:
    since, words = first_held('{"by": "ada"}')
    assert since < QUEUED
    assert "cannot be read" in words

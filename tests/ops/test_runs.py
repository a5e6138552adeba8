"""Dates, holds, plans and logs of runs: what needs no Airflow. The commands themselves: tests/e2e/test_operate.py."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.runs.backfill import Plan, Request, plan_backfill
from ops.runs.dates import after, at, days, zone
from ops.runs.hold import Hold, waiting
from ops.runs.logs import lines_of, new_lines
from ops.runs.lookup import time_zone
from ops.runs.measured import Measured, pool_seconds, slots
from ops.runs.unmade import unmade, warning
from ops.workspace import Workspace
from tests.ops.repository import make_repository

TOKYO = ZoneInfo("Asia/Tokyo")


def test_a_range_of_days_has_both_ends_in_it_in_the_time_zone_of_the_dag() -> None:
    start, end = days("2026-11-17", "2026-11-18", TOKYO)
    assert start == datetime(2026, 11, 16, 15, tzinfo=UTC)
    assert end == datetime(2026, 11, 18, 15, tzinfo=UTC) - timedelta(microseconds=1)
    same, last = days("2026-11-17", "2026-11-17", UTC)
    assert last - same == timedelta(days=1) - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2026-11-20", "2026-11-17", "--from 2026-11-20 is later than --to 2026-11-17: nothing lies between them"),
        ("yesterday", "2026-11-17", "--from 'yesterday' is not a date; write a day as 2026-11-20"),
        ("2026-11-17", "2026-02-30", "--to '2026-02-30' is not a date"),
    ],
)
def test_a_wrong_range_is_refused_in_words(first: str, last: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        days(first, last, UTC)


def test_moments_have_the_time_zone_they_name_or_that_of_the_dag() -> None:
    assert at("2026-11-20T03:00", TOKYO, "--date") == datetime(2026, 11, 19, 18, tzinfo=UTC)
    assert at("2026-11-20T03:00+00:00", TOKYO, "--date") == datetime(2026, 11, 20, 3, tzinfo=UTC)
    assert at("2026-11-20", zone("+09:00"), "--date") == datetime(2026, 11, 19, 15, tzinfo=UTC)
    with pytest.raises(UserError, match="Airflow names the time zone 'Mars/Base'"):
        zone("Mars/Base")


def test_after_a_day_means_from_the_next_one_on() -> None:
    hold = Hold("d", after("2026-11-17", UTC, "--after").isoformat(), "me", "now")
    assert not hold.holds(datetime(2026, 11, 17, 23, 59, 59, tzinfo=UTC))
    assert hold.holds(datetime(2026, 11, 18, tzinfo=UTC))
    moment = Hold("d", after("2026-11-17T03:00", UTC, "--after").isoformat(), "me", "now")
    assert not moment.holds(datetime(2026, 11, 17, 3, tzinfo=UTC))
    assert moment.holds(datetime(2026, 11, 17, 3, 0, 1, tzinfo=UTC))
    runs = [
        {"dag_run_id": "early", "state": "queued", "logical_date": "2026-11-17T00:00:00Z", "run_after": "x"},
        {"dag_run_id": "late", "state": "queued", "logical_date": "2026-11-19T00:00:00Z", "run_after": "x"},
        {"dag_run_id": "none", "state": "queued", "logical_date": "", "run_after": "2026-11-20T00:00:00Z"},
        {"dag_run_id": "runs", "state": "running", "logical_date": "2026-11-19T00:00:00Z", "run_after": "x"},
    ]
    assert waiting(runs, hold) == ["late", "none"]


def test_a_day_is_a_day_in_each_of_its_forms() -> None:
    whole = days("2026-11-20", "2026-11-22", TOKYO)
    assert days("20261120", "20261122", TOKYO) == whole
    assert days("2026-W47-5", "2026-W47-7", TOKYO) == whole
    assert after("20261117", UTC, "--after") == datetime(2026, 11, 18, tzinfo=UTC)


def test_a_dag_has_the_time_zone_of_its_tag() -> None:
    """Airflow's REST API says UTC of each (3.0.6, 3.2.1)."""
    tokyo = {"timezone": "UTC", "tags": [{"name": "team:data"}, {"name": "timezone:Asia/Tokyo"}]}
    assert time_zone(tokyo) == TOKYO
    assert time_zone({"timezone": "UTC", "tags": [{"name": "timezone:+09:00"}]}) == zone("+09:00")
    assert time_zone({"timezone": "UTC", "tags": [{"name": "team:data"}]}) == zone("UTC")


class Rest:
    """One DAG; what is asked for is noted."""

    def __init__(self, **details: Any) -> None:
        self.details = {
            "dag_id": "d", "timezone": "UTC", "tags": [], "timetable_summary": None, "is_paused": False,
            "catchup": False, "max_active_runs": 3, **details,
        }  # fmt: skip
        self.planned: list[dict[str, Any]] = []
        self.dates: list[str] = []
        self.refuses = ""

    def find(self, path: str, **_: Any) -> dict[str, Any] | None:
        return self.details if path == "/dags/d/details" else None

    def all(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
        return []

    def call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        if self.refuses and path == "/backfills/dry_run":
            raise UserError(self.refuses)
        if path == "/backfills/dry_run":
            self.planned.append(more["body"])
            return {"backfills": [{"logical_date": date} for date in self.dates]}
        return {"dag_runs": []}


def asked(rest: Rest, first: str, last: str) -> Plan:
    return plan_backfill(rest, Request("d", first, last, 4))  # type: ignore[arg-type]


def test_days_of_a_dag_without_a_schedule_lie_within_the_moments_asked_for() -> None:
    late = asked(Rest(), "2026-03-20T22:00", "2026-03-21T01:00")
    assert [date.isoformat() for date in late.dates] == ["2026-03-20T22:00:00+00:00"]
    tokyo = asked(Rest(tags=[{"name": "timezone:Asia/Tokyo"}]), "2026-03-20", "2026-03-21")
    assert [date.isoformat() for date in tokyo.dates] == ["2026-03-20T00:00:00+09:00", "2026-03-21T00:00:00+09:00"]
    summer = asked(Rest(tags=[{"name": "timezone:Europe/Berlin"}]), "2026-03-28", "2026-03-30")
    assert [date.day for date in summer.dates] == [28, 29, 30]


def test_a_scheduled_range_is_asked_for_in_the_time_zone_of_the_dag() -> None:
    rest = Rest(timetable_summary="0 3 * * *", tags=[{"name": "timezone:Asia/Tokyo"}])
    rest.dates = ["2026-03-19T18:00:00Z"]
    plan = asked(rest, "2026-03-20", "2026-03-20")
    assert rest.planned[0]["from_date"] == "2026-03-20T00:00:00+09:00"
    assert plan.as_dict()["logical_dates"] == ["2026-03-20T03:00:00+09:00"]


def test_what_has_no_dates_and_what_is_too_long_to_plan_is_said() -> None:
    with pytest.raises(UserError, match="d runs by Asset: it has no dates to run; use `tasklane run`"):
        asked(Rest(timetable_summary="Asset"), "2026-03-20", "2026-03-21")
    slow = Rest(timetable_summary="* * * * *")
    slow.refuses = "timed out"
    with pytest.raises(UserError, match=r"timed out\n2000-01-01 to 2026-03-20 may be too long to plan.*split it"):
        asked(slow, "2000-01-01", "2026-03-20")


def test_dates_that_a_hold_kept_from_being_made_are_found() -> None:
    rest: Any = Rest(timetable_summary="0 3 * * *", tags=[{"name": "timezone:Asia/Tokyo"}])
    rest.dates = ["2026-03-19T18:00:00Z"]
    hold = Hold("d", "2026-03-18T00:00:00+09:00", "me", "2026-03-19T01:00:00+00:00")
    assert [date.isoformat() for date in unmade(rest, rest.details, hold)] == ["2026-03-20T03:00:00+09:00"]
    assert rest.planned[0]["from_date"] == "2026-03-19T01:00:00+00:00"  # what was before it was set is not its doing
    assert rest.planned[0]["reprocess_behavior"] == "none"
    assert unmade(rest, {**rest.details, "catchup": True}, hold) == ()  # the scheduler makes them
    assert unmade(rest, {**rest.details, "timetable_summary": None}, hold) == ()
    assert "with 3 runs waiting (max_active_runs) the scheduler makes no later ones" in warning(rest.details)


def plan(count: int, max_active: int, taken: Measured | None, pools: dict[str, int]) -> Plan:
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    dates = tuple(begin + timedelta(days=number) for number in range(count))
    request = Request("d", "2026-11-01", "2026-11-30", max_active)
    return Plan(request, begin, begin, True, dates, taken, (), False, pools)


def test_a_plan_counts_rounds_pools_and_cost_by_hand() -> None:
    taken = Measured("d", 5, 600.0, 900.0, 0.25, {"team": 1200.0}, {"team": 2})
    month = plan(30, 4, taken, {"team": 16})
    assert month.seconds == 8 * 600  # 30 runs, 4 at a time: 8 rounds of ten minutes
    assert month.cost_usd == pytest.approx(7.5)
    assert month.pool_use == {"team": 8}
    tight = plan(30, 10, taken, {"team": 2})
    assert tight.seconds == 30 * 1200 / 2  # the pool holds it back, not the 3 rounds
    unknown = plan(30, 4, None, {})
    assert (unknown.seconds, unknown.cost_usd, unknown.pool_use) == (None, None, {})


def instance(pool: str, count: int, start: str, end: str | None) -> dict[str, Any]:
    return {"pool": pool, "pool_slots": count, "start_date": start, "end_date": end}


def test_pool_use_is_measured_from_task_instances() -> None:
    tasks = [
        instance("a", 2, "2026-11-20T10:00:00Z", "2026-11-20T10:01:00Z"),
        instance("a", 1, "2026-11-20T10:00:30Z", "2026-11-20T10:02:00Z"),
        instance("a", 1, "2026-11-20T10:02:00Z", "2026-11-20T10:03:00Z"),  # begins when the other ends
        instance("b", 1, "2026-11-20T10:00:00Z", None),
    ]
    assert pool_seconds(tasks) == {"a": 2 * 60 + 90 + 60, "b": 0.0}
    assert slots(tasks) == {"a": 3}


def test_each_line_of_a_growing_log_is_shown_once_wherever_it_turns_up() -> None:
    shown: Counter[str] = Counter()
    assert list(new_lines(shown, ["a", "c"])) == ["a", "c"]
    assert list(new_lines(shown, ["a", "b", "c", "c"])) == ["b", "c"]
    assert list(new_lines(shown, ["a", "b", "c", "c"])) == []


def test_records_become_lines_with_level_and_exception() -> None:
    error = {"exc_type": "ValueError", "exc_value": "bad", "frames": [{"filename": "x.py", "lineno": 3, "name": "f"}]}
    record = {"timestamp": "2026-11-20T10:00:00.123Z", "event": "failed", "level": "error", "error_detail": [error]}
    assert list(lines_of(record)) == ["2026-11-20 10:00:00 ERROR failed", "    x.py:3 in f", "    ValueError: bad"]
    assert list(lines_of({"event": "::group::Log message source details", "timestamp": None})) == []


def test_an_airflow_that_cannot_be_reached_is_one_message(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tasklane` prints errors of the SDK as one line (ops/main.py); nothing hangs for longer than its retries."""
    from botocore.exceptions import EndpointConnectionError

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    rest = AirflowRest(Workspace("one", make_repository(tmp_path, "one")))
    with pytest.raises(EndpointConnectionError, match="Could not connect to the endpoint URL"):
        rest.all("/dags", "dags")

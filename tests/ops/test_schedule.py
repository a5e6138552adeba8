"""Schedules of real timetables in words, the load they make, and levelling it."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.errors import UserError
from ops.runs.measured import Measured
from ops.schedule.load import Job, hourly, job, peaks, profile
from ops.schedule.picture import page
from ops.schedule.smooth import moved_cron, smooth
from ops.schedule.timetables import schedules
from ops.schedule.windows import Window, windows
from ops.schedule.words import first_run, times, when
from ops.workspace import ROOT, Workspace
from tests.ops.repository import make_repository

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
DAY = 24 * 60
DAGS = """\
import datetime as dt
import pendulum
from airflow.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable
UTC, TOKYO = dt.UTC, pendulum.timezone("Asia/Tokyo")
a = DAG("nightly", schedule="0 3 * * *", start_date=dt.datetime(2026, 1, 1, tzinfo=UTC), catchup=False)
b = DAG("every_day_since", schedule="0 3 * * *", start_date=pendulum.datetime(2026, 1, 1, tz=TOKYO), catchup=True)
c = DAG("interval", schedule=CronDataIntervalTimetable("0 3 * * *", timezone="UTC"), catchup=True,
    start_date=dt.datetime(2026, 1, 1, tzinfo=UTC))
d = DAG("by_hand", schedule=None, start_date=dt.datetime(2026, 1, 1, tzinfo=UTC))
"""


@pytest.mark.parametrize("version", ["3.0.6", "3.2.1"])
def test_the_timetables_of_both_airflows_in_words(version: str, tmp_path: Path) -> None:
    if not (ROOT / f".venvs/airflow-{version}/bin/python").exists():
        pytest.skip(f"Airflow {version} is not installed (make .venvs/airflow-{version}/.made)")
    root = make_repository(tmp_path, "one")
    path = root / "environments/one.toml"
    path.write_text(path.read_text().replace("[airflow]\n", f'[airflow]\nversion = "{version}"\n'))
    (root / "dags/timetables.py").write_text(DAGS)
    found = {one.dag_id: one for one in schedules(Workspace("one", root), NOW, 48)}
    assert when(found["nightly"]) == "At 03:00 (0 3 * * *), UTC"
    assert times(found["nightly"], NOW) == ["Sat 21 Nov 03:00 UTC", "Sun 22 Nov 03:00 UTC"]
    assert times(found["every_day_since"], NOW)[0] == "Fri 20 Nov 18:00 UTC"  # 03:00 in Tokyo
    words = {dag_id: first_run(one, NOW) for dag_id, one in found.items()}
    assert words["by_hand"] == "None by itself."
    assert words["every_day_since"].startswith("Logical date 2025-12-31 18:00 UTC (the moment it starts")
    assert words["every_day_since"].endswith(
        "it starts at once, and then every interval since the start date 2025-12-31 15:00 UTC that has no run, 16 at a "
        "time (catchup is on)."
    )
    assert words["interval"].startswith(
        "Logical date 2026-01-01 03:00 UTC, for the data from 2026-01-01 03:00 UTC to 2026-01-02 03:00 UTC; it starts"
    )
    assert words["nightly"].endswith("is made up (catchup is off).")


def taken(seconds: float, **pools: float) -> Measured:
    return Measured("d", 3, seconds, seconds, None, pools, {})


def test_load_is_slot_seconds_spread_over_the_run() -> None:
    begin = datetime(2026, 11, 20, tzinfo=UTC)
    made = job("a", [begin.replace(hour=1)], begin, taken(1800, team=3600.0))
    assert made == Job("a", (60,), 30, {"team": 2.0})
    minutes = profile([made], DAY)["team"]
    assert sum(minutes) == pytest.approx(60)  # 3600 slot-seconds
    assert [minutes[59], minutes[60], minutes[89], minutes[90]] == [0, 2, 2, 0]
    assert hourly([made], DAY, "team")["a"][:3] == [0, 1, 0]
    assert peaks(profile([made, Job("b", (70,), 10, {"team": 1.0})], DAY)) == {"team": 3.0}
    assert profile([Job("late", (DAY - 5,), 10, {"team": 1.0})], DAY)["team"][4] == 1.0  # the window is a ring


def test_smoothing_moves_only_what_may_move_and_only_as_far_as_it_may() -> None:
    jobs = [Job(name, (180,), 30, {"team": 4.0}) for name in ("fixed", "wide", "narrow")]
    allowed = {"wide": Window(0, 120), "narrow": Window(0, 10)}
    found = smooth(jobs, DAY, allowed, {"team": 16})
    assert found.before == {"team": 12.0}
    assert found.after == {"team": 8.0}  # fixed and narrow cannot be parted: ten minutes are less than a run
    assert found.shifts == {"wide": 40} or 30 <= found.shifts["wide"] <= 120
    assert set(found.shifts) <= {"wide", "narrow"}
    assert 0 <= found.shifts.get("narrow", 0) <= 10
    assert smooth(jobs, DAY, {}, {"team": 16}).shifts == {}


def test_a_level_load_stays() -> None:
    jobs = [Job("a", (0,), 30, {"team": 1.0}), Job("b", (60,), 30, {"team": 1.0})]
    assert smooth(jobs, DAY, {"a": Window(60, 60), "b": Window(60, 60)}, {"team": 2}).shifts == {}


@pytest.mark.parametrize(
    ("cron", "shift", "moved"),
    [
        ("0 3 * * *", 25, "25 3 * * *"),
        ("50 3 * * *", 25, "15 4 * * *"),
        ("0 * * * *", -10, "50 * * * *"),
        ("10 0 * * *", -25, "45 23 * * *"),
        ("10 0 * * 1", -25, None),  # would be another weekday
        ("*/5 * * * *", 5, None),
        ("0 3,9 * * *", 70, None),
        ("0:10:00", 5, None),
    ],
)
def test_a_moved_cron_expression(cron: str, shift: int, moved: str | None) -> None:
    assert moved_cron(cron, shift) == moved


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[nobody]\nlater_minutes = 5", "there is no DAG 'nobody'"),
        ("[known]\nlater = 5", "takes earlier_minutes and later_minutes"),
        ("[known]\nlater_minutes = -5", "later_minutes = -5: whole minutes from 0 to 720"),
        ("[known", "not TOML"),
    ],
)
def test_a_wrong_window_is_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/schedules.toml").write_text(text)
    with pytest.raises(UserError, match=message):
        windows(tmp_path, {"known"})


def test_the_shipped_windows_name_shipped_dags() -> None:
    assert windows(ROOT, {path.stem for path in (ROOT / "dags").glob("*.py")})


def test_the_picture_needs_no_other_file_and_says_what_it_shows() -> None:
    jobs = [Job("<nightly>", (180,), 30, {"team": 4.0})]
    html = page("one", [], jobs, {"team": 4}, NOW, 24)
    assert "&lt;nightly&gt;: 2 slots" in html
    assert "<nightly>" not in html
    assert 'class="slots"' in html  # four slots are near the bars: the line is drawn
    assert "prefers-color-scheme: dark" in html
    assert not re.search(r"(src|href)=|url\(|https?://", html)
    assert 'class="slots" x1' not in page("one", [], jobs, {"team": 400}, NOW, 24)

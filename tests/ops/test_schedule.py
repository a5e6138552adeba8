"""Schedules of real timetables in words, the load they make, and levelling it."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from ops.errors import UserError
from ops.runs.measured import Measured
from ops.schedule.load import Job, hourly, job, peaks, profile
from ops.schedule.picture import page
from ops.schedule.smooth import moved_cron, smooth
from ops.schedule.timetables import Schedule, schedules
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
from airflow.timetables.trigger import CronTriggerTimetable
UTC, TOKYO = dt.UTC, pendulum.timezone("Asia/Tokyo")
a = DAG("nightly", schedule="0 3 * * *", start_date=dt.datetime(2026, 1, 1, tzinfo=UTC), catchup=False)
b = DAG("every_day_since", schedule="0 3 * * *", start_date=pendulum.datetime(2026, 1, 1, tz=TOKYO), catchup=True)
c = DAG("interval", schedule=CronDataIntervalTimetable("0 3 * * *", timezone="UTC"), catchup=True,
    start_date=dt.datetime(2026, 1, 1, tzinfo=UTC))
e = DAG("other_zone", schedule=CronTriggerTimetable("0 3 * * *", timezone="Asia/Tokyo"), catchup=False,
    start_date=dt.datetime(2026, 1, 1, tzinfo=UTC))
f = DAG("seven_hours", schedule=dt.timedelta(hours=7), start_date=dt.datetime(2026, 1, 1, 3, 17, tzinfo=UTC),
    catchup=True)
g = DAG("yearly", schedule=CronDataIntervalTimetable("0 0 21 11 *", timezone="UTC"), catchup=False,
    start_date=dt.datetime(2024, 1, 1, tzinfo=UTC))
h = DAG("once_later", schedule="@once", start_date=dt.datetime(2026, 11, 21, 5, tzinfo=UTC), catchup=False)
i = DAG("loop", schedule="@continuous", start_date=dt.datetime(2026, 1, 1, tzinfo=UTC), catchup=False,
    max_active_runs=1)
j = DAG("every_minute", schedule="* * * * *", start_date=dt.datetime(2021, 1, 1, tzinfo=UTC), catchup=False)
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
    assert when(found["other_zone"]) == "At 03:00 (0 3 * * *), Asia/Tokyo"  # not that of its start date
    assert times(found["other_zone"], NOW)[0] == "Fri 20 Nov 18:00 UTC"
    # By hand: 1,110 times 7 hours after 1 January 03:17 are 323 days and 18 hours.
    assert times(found["seven_hours"], NOW)[:2] == ["Fri 20 Nov 21:17 UTC", "Sat 21 Nov 04:17 UTC"]
    assert when(found["seven_hours"]) == "every 7 hours, counted from the start date"
    assert times(found["yearly"], NOW) == ["Sat 21 Nov 00:00 UTC"]  # its data interval began a year ago
    assert times(found["once_later"], NOW) == ["Sat 21 Nov 05:00 UTC"]
    assert found["loop"].is_continuous
    assert len(found["loop"].next) == 1
    assert len(found["every_minute"].next) == 48 * 60
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
    # Where catch-up is off, Airflow's timetable reads the clock itself.
    assert first_run(found["nightly"], datetime.now(UTC)).endswith("is made up (catchup is off).")


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
    late = profile([Job("late", (DAY - 5,), 10, {"team": 1.0})], DAY)["team"]
    assert (late[DAY - 1], late[4]) == (1.0, 0.0)  # what ends after the window is not in its beginning
    assert profile([Job("before", (-5,), 10, {"team": 1.0})], DAY)["team"][:6] == [1, 1, 1, 1, 1, 0]


def test_a_dag_that_starts_again_as_soon_as_it_has_ended_is_always_in_the_load() -> None:
    begin = datetime(2026, 11, 20, tzinfo=UTC)
    made = job("loop", [begin], begin, taken(1800, team=3600.0), always=DAY)
    assert profile([made], DAY)["team"] == [2.0] * DAY


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


def test_the_peak_after_is_what_the_proposed_starts_give_and_nothing_is_moved_out_of_sight() -> None:
    """`late` could leave a window of a day; there, after midnight, it would fall onto the next run of `fixed`."""
    fixed = Job("fixed", (DAY - 40, DAY + 30), 50, {"team": 4.0})
    late = Job("late", (DAY - 40,), 30, {"team": 4.0})
    found = smooth([fixed, late], DAY, {"late": Window(0, 150)}, {"team": 16})
    shift = found.shifts["late"]
    assert shift == 120  # to the end of the second run of `fixed`, at DAY + 80: the gap between the two is too short
    moved = Job("late", (DAY - 40 + shift,), 30, {"team": 4.0})
    assert found.after == peaks(profile([fixed, moved], DAY))


@pytest.mark.parametrize("seed", range(30))
def test_no_shift_leaves_its_window_or_makes_a_peak_higher(seed: int) -> None:
    random = Random(seed)  # noqa: S311
    jobs = [
        Job(f"dag{n}", tuple(range(random.randrange(600) - 600, 2 * DAY, random.choice((360, 720, DAY)))),
            random.randrange(1, 200), {random.choice("ab"): random.uniform(0.1, 6)})
        for n in range(8)
    ]  # fmt: skip
    allowed = {f"dag{n}": Window(random.randrange(200), random.randrange(200)) for n in range(0, 8, 2)}
    slots = {"a": 4, "b": 16}
    found = smooth(jobs, DAY, allowed, slots)
    for dag_id, shift in found.shifts.items():
        assert -allowed[dag_id].earlier <= shift <= allowed[dag_id].later
    moved = [replace(one, starts=tuple(s + found.shifts.get(one.dag_id, 0) for s in one.starts)) for one in jobs]
    assert found.after == pytest.approx(peaks(profile(moved, DAY)))


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
        ("55 * 1 * *", 10, None),  # the last hour's run would be the first one's
        ("59 * * * *", 5, "4 * * * *"),
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
    assert "beyond them for 30 minutes" in page("one", [], jobs, {"team": 3}, NOW, 24)  # an hour's average is 2
    assert "beyond them" not in html


def test_the_picture_tells_every_dag_apart_and_names_what_is_not_in_it() -> None:
    jobs = [Job(f"dag{n}", (60,), 60, {"team": 1.0 + n}) for n in range(10)]
    html = page("one", [], jobs, {"team": 64}, NOW, 24)
    colours = re.findall(r'<i style="background:var\(--c(\d)\)"></i>([^<]+)<', html)
    assert len({colour for colour, _ in colours}) == len(colours) == 8
    assert colours[-1][1] == "3 others"
    assert "6 slots" in html  # 1 + 2 + 3
    never = Schedule("never", "0 3 * * *", "At 03:00", "CronTriggerTimetable", "UTC", NOW, None, False, 16, "o", (),
                     None, (NOW,))  # fmt: skip
    assert "no run has succeeded yet: never" in page("one", [never], jobs, {"team": 64}, NOW, 24)
    assert "Airflow was not asked" in page("one", [never], [], {"team": 64}, NOW, 24, asked=False)

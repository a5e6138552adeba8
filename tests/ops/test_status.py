"""`tasklane status`: of all DAGs, or of one and its own file; whose import error counts, what is held, what failed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.runs import status as command

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FOLDER = "/opt/airflow/dags"


class Rest:
    """Airflow's answers: two DAGs, `daily` and `daily_late`, whose files are called alike."""

    def __init__(self, errors: list[str], runs: list[tuple[str, str, str]] = []) -> None:  # noqa: B006 (not changed)
        self.errors, self.runs, self.asked = errors, runs, dict[str, Any]()

    def all(self, path: str, key: str, **more: Any) -> list[dict[str, Any]]:
        if path.endswith("/dagRuns"):  # by pages, as Airflow gives them
            return AirflowRest.all(self, path, key, more["query"])  # type: ignore[arg-type]
        dags = [
            {"dag_id": name, "is_paused": False, "next_dagrun_run_after": None, "fileloc": f"{FOLDER}/{name}.py"}
            for name in ("late_daily", "daily")
        ]
        answers: dict[str, list[dict[str, Any]]] = {
            "/dags": dags,
            "/importErrors": [{"filename": name} for name in self.errors],
        }
        return answers.get(path, [])

    def find(self, path: str) -> dict[str, Any] | None:
        return {} if path in ("/dags/daily/details", "/dags/late_daily/details") else None

    def call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        query = more["query"]
        self.asked.setdefault(query["state"], (path, query))
        wanted = path.removeprefix("/dags/").removesuffix("/dagRuns")
        found = [
            {"dag_id": dag_id, "dag_run_id": run_id}
            for dag_id, run_id, state in self.runs
            if state == query["state"] and wanted in ("~", dag_id)
        ]
        begin = query["offset"]
        return {"dag_runs": found[begin : begin + query["limit"]], "total_entries": len(found)}


def status(rest: Any, dag_id: str) -> dict[str, Any]:
    return command.status(rest, dag_id, NOW)


@pytest.mark.parametrize("own", ["daily.py", f"{FOLDER}/daily.py"], ids=["relative to the bundle", "the whole path"])
def test_of_one_dag_its_own_file_counts(own: str) -> None:
    told = status(Rest([own, "late_daily.py"]), "daily")
    assert (told["import_errors"], told["healthy"]) == ([own], False)


@pytest.mark.parametrize("other", ["late_daily.py", f"{FOLDER}/late_daily.py", "elsewhere/daily.py", "aily.py"])
def test_another_file_says_nothing_about_a_dag(other: str) -> None:
    """Also where its name ends like the DAG's."""
    told = status(Rest([other]), "daily")
    assert (told["import_errors"], told["healthy"]) == ([], True)
    assert [row["dag_id"] for row in told["dags"]] == ["daily"]


def test_a_file_whose_name_is_the_end_of_another_s_is_not_it() -> None:
    assert status(Rest(["daily.py"]), "late_daily")["import_errors"] == []


def test_of_all_dags_every_file_counts() -> None:
    told = status(Rest(["other.py"]), "")
    assert (told["import_errors"], told["healthy"]) == (["other.py"], False)
    assert [row["dag_id"] for row in told["dags"]] == ["daily", "late_daily"]


def test_failures_are_those_of_a_day_and_of_this_dag() -> None:
    rest = Rest([], [("daily", "r1", "failed"), ("late_daily", "r2", "failed"), ("daily", "r3", "running")])
    told = status(rest, "late_daily")
    assert [(row["failed"], row["running"]) for row in told["dags"]] == [(["r2"], [])]
    assert rest.asked["failed"][0] == "/dags/late_daily/dagRuns"
    assert rest.asked["failed"][1]["end_date_gte"] == "2026-11-19T12:00:00+00:00"
    every = status(Rest([], rest.runs), "")
    assert {row["dag_id"]: (row["failed"], row["running"]) for row in every["dags"]} == {
        "daily": (["r1"], ["r3"]), "late_daily": (["r2"], []),
    }  # fmt: skip
    assert not every["healthy"]


def test_one_dag_s_many_runs_do_not_hide_another_s() -> None:
    runs = [("late_daily", f"r{number}", "failed") for number in range(150)]
    told = status(Rest([], [*runs, ("daily", "old", "failed")]), "")
    assert [len(row["failed"]) for row in told["dags"]] == [1, 150]


def test_a_dag_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="there is no DAG 'dayly'"):
        status(Rest([]), "dayly")

"""Operating an environment with the CLI, against its real scheduler: run, hold, backfill, rerun, logs, status."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from local.state import State
from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.main import app
from ops.runs.lookup import latest_runs, run_path
from ops.workspace import Workspace, checkout
from tests.e2e.conftest import SECONDS

pytestmark = pytest.mark.timeout(SECONDS)
SMOKE = "tasklane_smoke"
Tasklane = Callable[..., Result]


@pytest.fixture
def rest(environment: Path, monkeypatch: pytest.MonkeyPatch) -> AirflowRest:
    found = State.load(environment)
    assert found is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL", found.endpoint_url)
    return AirflowRest(Workspace("local"))


@pytest.fixture
def tasklane(rest: AirflowRest) -> Tasklane:
    """A command as a person types it; an expected error is raised as it is."""

    def call(*words: str) -> Result:
        result = CliRunner().invoke(app, [*words, "--env", "local"])
        if isinstance(result.exception, UserError):
            raise result.exception
        return result

    return call


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def until(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS / 4
    while not ready():
        assert time.monotonic() < end
        time.sleep(1)


def test_a_held_dag_runs_what_is_earlier_and_nothing_later(tasklane: Tasklane, rest: AirflowRest) -> None:
    held = document(tasklane("hold", SMOKE, "--after", "2026-03-01", "--reason", "bad input", "--json"))
    assert held["first"] == "2026-03-02T00:00:00+00:00"
    later = document(tasklane("run", SMOKE, "--date", "2026-03-02", "--json"))["dag_run_id"]
    earlier = tasklane("run", SMOKE, "--date", "2026-03-01", "--wait", "--json")
    assert document(earlier)["state"] == "success"
    waits = rest.call("GET", run_path(SMOKE, later))
    assert (waits["state"], waits["start_date"]) == ("queued", None)
    assert "bad input" in waits["note"]
    shown = json.loads(tasklane("status", SMOKE, "--json").stdout)["dags"][0]
    assert (shown["hold"]["reason"], shown["waiting_for_hold"], shown["queued"]) == ("bad input", [later], [later])
    tasklane("unhold", SMOKE)
    until(lambda: bool(rest.call("GET", run_path(SMOKE, later))["state"] == "success"))
    assert rest.call("GET", run_path(SMOKE, later))["note"].startswith("Was held, released ")
    with pytest.raises(UserError, match="is not held"):
        tasklane("unhold", SMOKE)
    with pytest.raises(UserError, match=f"has a run of 2026-03-01 .* already: .*tasklane rerun {SMOKE}"):
        tasklane("run", SMOKE, "--date", "2026-03-01")


def test_a_run_is_cleared_and_its_log_read_again(tasklane: Tasklane, rest: AirflowRest) -> None:
    started = document(tasklane("run", SMOKE, "--wait", "--json"))["dag_run_id"]
    would = document(tasklane("rerun", SMOKE, started, "--from", "look", "--dry-run", "--json"))
    assert would["tasks"] == [{"task": "look", "state": "success"}]
    assert rest.call("GET", run_path(SMOKE, started))["state"] == "success"
    document(tasklane("rerun", SMOKE, started, "--json"))
    followed = tasklane("logs", f"{SMOKE}.look", started, "--follow", "--try", "2")
    assert followed.exit_code == 0
    assert "Tasklane release" in followed.stdout
    with pytest.raises(UserError, match=r"has no task 'nothing' \(it has look\)"):
        tasklane("rerun", SMOKE, started, "--from", "nothing")


def test_ctrl_c_ends_the_watching_of_a_log_and_nothing_else(tasklane: Tasklane, rest: AirflowRest) -> None:
    started = document(tasklane("run", SMOKE, "--date", "2026-05-01", "--wait", "--json"))["dag_run_id"]
    tasklane("hold", SMOKE, "--after", "2026-04-30", "--reason", "to be watched")
    document(tasklane("rerun", SMOKE, started, "--json"))  # it waits now: its log has no end
    argv = [".venv/bin/tasklane", "logs", f"{SMOKE}.look", started, "--follow", "--try", "1", "--env", "local"]
    with subprocess.Popen(
        argv,
        cwd=checkout(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    ) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline()  # what the first attempt wrote: from now on it watches
        group = os.getpgid(watching.pid)
        os.killpg(group, signal.SIGINT)
        _, said = watching.communicate(timeout=120)
    assert watching.returncode == 130
    assert "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)  # nothing of it is left
    assert rest.call("GET", run_path(SMOKE, started))["state"] == "queued"
    tasklane("unhold", SMOKE)
    until(lambda: bool(rest.call("GET", run_path(SMOKE, started))["state"] == "success"))


def test_a_backfill_is_planned_with_both_ends_and_run_once(tasklane: Tasklane, rest: AirflowRest) -> None:
    asked = ("backfill", "lanes_reaper", "--from", "2026-03-01T00:00", "--to", "2026-03-01T00:10", "--json")
    plan = document(tasklane(*asked, "--dry-run"))
    assert plan["runs"] == 2
    assert plan["logical_dates"][-1] <= "2026-03-01T00:10:00+00:00"
    assert document(tasklane(*asked, "--yes"))["started"]["runs"] == 2

    def done() -> bool:
        runs = latest_runs(rest, "lanes_reaper", 100, run_type="backfill")
        return [run["state"] for run in runs] == ["success", "success"]

    until(done)
    assert document(tasklane(*asked, "--yes"))["runs"] == 0
    daily = document(tasklane("backfill", SMOKE, "--from", "2026-04-01", "--to", "2026-04-30", "--dry-run", "--json"))
    assert (daily["runs"], daily["logical_dates"][-1]) == (30, "2026-04-30T00:00:00+00:00")
    assert daily["hours"] is not None
    with pytest.raises(UserError, match="swap the two"):
        tasklane("backfill", SMOKE, "--from", "2026-04-30", "--to", "2026-04-01")


def test_a_paused_dag_takes_no_run_and_a_failed_one_is_seen(tasklane: Tasklane, rest: AirflowRest) -> None:
    assert document(tasklane("pause", SMOKE, "--json"))["changed"]
    with pytest.raises(UserError, match="is paused: a run would wait"):
        tasklane("run", SMOKE)
    assert not document(tasklane("pause", SMOKE, "--json"))["changed"]
    tasklane("unpause", SMOKE)
    started = document(tasklane("run", SMOKE, "--wait", "--json"))["dag_run_id"]
    rest.call("PATCH", run_path(SMOKE, started), body={"state": "failed"})
    shown = tasklane("status", SMOKE, "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["dags"][0]["failed"] == [started]
    rest.call("PATCH", run_path(SMOKE, started), body={"state": "success"})
    assert tasklane("status", SMOKE).exit_code == 0
    with pytest.raises(UserError, match="there is no DAG 'tasklane_smok'; did you mean tasklane_smoke"):
        tasklane("run", "tasklane_smok")

"""What our plugins have the scheduler do: hold runs, also after a kill; start again what is cleared while it runs."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ops.runs.hold import PREFIX, new_hold
from tests.e2e.checkouts import VERSION
from tests.faults.airflow_client import Observer, eventually
from tests.faults.world import ROOT, World

SECONDS = 240
DAGS = {
    "held.py": """
import datetime as dt
from airflow.sdk import DAG, task
with DAG("held", schedule=None, start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), catchup=False):
    @task
    def work():
        return None
    work()
""",
    "cleared.py": """
import datetime as dt, time
from airflow.sdk import DAG, task
with DAG("cleared", schedule=None, start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), catchup=False):
    @task(retries=0, retry_delay=dt.timedelta(seconds=1))
    def work(ti=None):
        print("begun")
        time.sleep(600 if ti.try_number == 1 else 0)
    work()
""",
}
# How long until a worker that says nothing counts as dead.
SETTINGS = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("scheduler"), VERSION or "3.0.6", DAGS, SETTINGS)
    plugins = made.state.folder / "airflow/plugins"
    plugins.mkdir(parents=True)
    for name in ("hold", "restarting"):
        shutil.copy(ROOT / f"plugins/tasklane_{name}.py", plugins)
    try:
        made.start_emulator()
        made.deploy()
        made.start_airflow()
        yield made
    finally:
        made.close()


def test_a_hold_outlives_a_kill_of_the_scheduler(world: World) -> None:
    api = httpx.Client(base_url=f"{world.state.airflow_url}/api/v2", timeout=60)
    runs = "/dags/held/dagRuns"

    def start(day: str) -> str:
        answer = api.post(runs, json={"logical_date": f"{day}T00:00:00Z", "conf": {}}).raise_for_status()
        return str(answer.json()["dag_run_id"])

    def look(run_id: str) -> dict[str, Any]:
        return dict(api.get(f"{runs}/{run_id}").raise_for_status().json())

    def succeeded(run_id: str) -> bool:
        return bool(look(run_id)["state"] == "success")

    api.patch("/dags/held", json={"is_paused": False}).raise_for_status()
    hold = new_hold("held", datetime(2026, 3, 2, tzinfo=UTC), "bad input")
    api.post("/variables", json={"key": f"{PREFIX}held", "value": hold.value()}).raise_for_status()
    later = start("2026-03-02")
    eventually("the later run is held", lambda: "Held: " in (look(later)["note"] or ""), SECONDS)
    world.kill("scheduler")
    while_it_was_away = start("2026-03-03")
    world.restart("scheduler")
    before = start("2026-03-01")
    eventually("the new scheduler runs what is earlier", lambda: succeeded(before), SECONDS)
    eventually("and holds what came meanwhile", lambda: "Held: " in (look(while_it_was_away)["note"] or ""), SECONDS)
    for waits in (later, while_it_was_away):
        assert (look(waits)["state"], look(waits)["start_date"]) == ("queued", None)
    api.delete(f"/variables/{PREFIX}held").raise_for_status()
    for released in (later, while_it_was_away):
        eventually("released", lambda run_id=released: succeeded(run_id), SECONDS)  # type: ignore[misc]
        assert look(released)["note"].startswith("Was held, released ")


@pytest.mark.parametrize("worker", ["lives", "died"])
def test_a_task_that_is_cleared_while_it_runs_runs_again(world: World, worker: str) -> None:
    observer = Observer(world)
    run_id = observer.trigger("cleared")

    def look() -> dict[str, Any]:
        return observer.task("cleared", run_id)

    eventually("it runs", lambda: look()["state"] == "running" and "begun" in observer.log("cleared", run_id), SECONDS)
    if worker == "died":
        assert world.kill_worker(look()["id"])
    observer.clear("cleared", run_id)
    eventually("the run succeeds", lambda: observer.run_state("cleared", run_id) == "success", SECONDS)
    assert (look()["try_number"], look()["state"]) == (2, "success")

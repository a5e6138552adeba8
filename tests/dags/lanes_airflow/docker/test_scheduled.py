"""The lane under a real scheduler: what becomes of its container when worker, person or clock end the Airflow task."""

import json
from collections.abc import Iterator

import airflow
import pytest

from lanes.attempts.reaper import GRACE
from tests.dags.lanes_airflow.docker.conftest import remove_containers
from tests.dags.lanes_airflow.docker.scheduled_world import ENVIRONMENT, ScheduledWorld
from tests.faults.airflow_client import Observer, eventually
from tests.faults.world import BUCKET


@pytest.fixture(scope="module")
def world(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScheduledWorld]:
    world = ScheduledWorld(tmp_path_factory.mktemp("scheduled"), airflow.__version__, engine)
    try:
        world.start_emulator()
        world.deploy()
        world.start_airflow()
        yield world
    finally:
        remove_containers(world.engine, ENVIRONMENT)
        world.close()


@pytest.fixture
def observer(world: ScheduledWorld) -> Observer:
    return Observer(world)


def waiting(world: ScheduledWorld, observer: Observer, mode: str) -> tuple[str, dict]:
    run_id = observer.trigger("one", mode=mode)
    [container] = eventually("its container waits", lambda: world.waiting(run_id), 120)
    return run_id, container


def over(observer: Observer, dag_id: str, run_id: str, seconds: float = 120) -> str:
    ends = ("success", "failed")
    eventually("the run is over", lambda: observer.run_state(dag_id, run_id) in ends, seconds)
    return observer.run_state(dag_id, run_id)


def stopped_by_the_engine(world: ScheduledWorld, run_id: str, container: dict) -> None:
    """SIGTERM, to which it does not listen, then SIGKILL."""

    def ended() -> dict | None:
        [now] = [one for one in world.containers(run_id) if one["Id"] == container["Id"]]
        return now if now["State"]["Status"] == "exited" else None

    assert eventually("stopped", ended, 60)["State"]["ExitCode"] == 137
    assert b"asked to stop" in world.engine.logs(container["Id"])


def test_a_run_succeeds_with_the_tasks_own_role(world: ScheduledWorld, observer: Observer) -> None:
    run_id = observer.trigger("one")
    assert over(observer, "one", run_id) == "success", observer.log("one", run_id)
    assert "confined " in observer.log("one", run_id)
    result = observer.xcom("one", run_id, "return_value")
    body = world.client("s3").get_object(Bucket=BUCKET, Key=result.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
    assert ":assumed-role/scheduled-task/work-" in json.loads(body)["caller"]
    [container] = world.containers(run_id)
    facts = observer.xcom("one", run_id, "lanes_run")
    assert (facts["arn"], facts["outcome"], facts["launches"]) == (container["Id"], "success", 1)


def test_the_retry_after_a_killed_worker_goes_on_with_its_container(world: ScheduledWorld, observer: Observer) -> None:
    run_id, container = waiting(world, observer, "wait-and-ask")
    assert world.kill_worker(observer.task("one", run_id)["id"])
    eventually("Airflow tries again", lambda: observer.task("one", run_id)["try_number"] == 2, 240)
    eventually("it is found", lambda: "going on with container" in observer.log("one", run_id, 2), 120)
    world.engine.kill(container["Id"], "SIGUSR1")
    assert over(observer, "one", run_id) == "success", observer.log("one", run_id, 2)
    log = observer.log("one", run_id, 2)
    assert f"going on with container {container['Id']} (running)" in log
    assert "credentials until" in log
    assert [one["Id"] for one in world.containers(run_id)] == [container["Id"]]


def test_clearing_a_running_task_stops_its_container_before_another_starts(
    world: ScheduledWorld, observer: Observer
) -> None:
    run_id, first = waiting(world, observer, "stubborn")
    observer.clear("one", run_id)
    stopped_by_the_engine(world, run_id, first)
    eventually("a second one waits", lambda: world.waiting(run_id), 240)
    known = {one["Id"]: one for one in world.containers(run_id)}
    assert len(known) == 2
    ended, second = known.pop(first["Id"]), next(iter(known.values()))
    assert ended["State"]["FinishedAt"] < second["State"]["StartedAt"]
    observer.mark("one", run_id, "failed")
    stopped_by_the_engine(world, run_id, second)


def test_marking_a_running_task_failed_stops_its_container(world: ScheduledWorld, observer: Observer) -> None:
    run_id, container = waiting(world, observer, "stubborn")
    observer.mark("one", run_id, "failed")
    stopped_by_the_engine(world, run_id, container)
    assert over(observer, "one", run_id) == "failed"
    assert len(world.containers(run_id)) == 1


def test_the_time_limit_of_a_task(world: ScheduledWorld, observer: Observer) -> None:
    run_id = observer.trigger("timed")
    assert over(observer, "timed", run_id) == "failed"
    [container] = world.containers(run_id)
    stopped_by_the_engine(world, run_id, container)
    assert "timeout: exit code 137: " in observer.log("timed", run_id)


def test_lanes_reaper_stops_what_has_no_task(world: ScheduledWorld, observer: Observer) -> None:
    run_id, container = waiting(world, observer, "stubborn")
    assert world.kill_worker(observer.task("one", run_id)["id"])  # nobody is left who could stop it
    observer.mark("one", run_id, "failed")
    assert over(observer, "one", run_id) == "failed"

    def reaped() -> list[dict]:
        reaper_run = observer.trigger("lanes_reaper")
        assert over(observer, "lanes_reaper", reaper_run) == "success"
        return list(observer.xcom("lanes_reaper", reaper_run, "return_value", "reap"))

    assert reaped() == [], "within its grace the reaper leaves a container to those who end its task"
    [orphan] = eventually("the orphan is stopped", reaped, GRACE.total_seconds() + 120)
    assert (orphan["arn"], orphan["run"], orphan["why"]) == (container["Id"], run_id, "its task is failed")
    stopped_by_the_engine(world, run_id, container)

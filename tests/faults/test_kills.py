"""A container lives exactly as long as its Airflow task wants it, also while the task is deferred."""

import pytest

from tests.faults.airflow_client import Observer, eventually

# What the README promises is 30 s to StopTask; the container's own stop time comes on top.
STOPPED_WITHIN_SECONDS = 30.0


@pytest.fixture
def observer(world):
    return Observer(world)


def running(observer, run_id):
    return [task for task in observer.containers(run_id) if task["lastStatus"] == "RUNNING"]


def start_long_run(observer, dag_id="one"):
    run_id = observer.trigger(dag_id, mode="ok", seconds=300)
    [container] = eventually("a container runs", lambda: running(observer, run_id), 60)
    return run_id, container


def stopped(observer, run_id, arn):
    return next(
        (task for task in observer.containers(run_id) if task["taskArn"] == arn and task["lastStatus"] == "STOPPED"),
        None,
    )


@pytest.mark.parametrize("state", ["failed", "success"])
def test_marking_a_deferred_task_stops_its_container(observer, state):
    run_id, container = start_long_run(observer)
    observer.mark("one", run_id, state)
    task = eventually("stopped", lambda: stopped(observer, run_id, container["taskArn"]), STOPPED_WITHIN_SECONDS)
    assert "ended or cleared" in task["stoppedReason"]
    assert observer.task("one", run_id)["state"] == state


def test_deleting_the_run_stops_its_container(observer):
    run_id, container = start_long_run(observer)
    observer.mark("one", run_id, "failed")  # Airflow deletes finished runs only
    eventually("run failed", lambda: observer.run_state("one", run_id) == "failed", 30)
    observer.delete_run("one", run_id)
    eventually("stopped", lambda: stopped(observer, run_id, container["taskArn"]), STOPPED_WITHIN_SECONDS)


def test_clearing_a_deferred_task_stops_its_container_and_starts_a_new_one(observer):
    run_id, container = start_long_run(observer)
    observer.clear("one", run_id)
    eventually("stopped", lambda: stopped(observer, run_id, container["taskArn"]), STOPPED_WITHIN_SECONDS)
    [second] = eventually("a new container runs", lambda: running(observer, run_id), 60)
    assert second["environment"]["TASKLANE_TRY"] == "2"
    assert len(observer.containers(run_id)) == 2
    observer.mark("one", run_id, "failed")


def test_the_timeout_of_the_task_stops_its_container_while_it_is_deferred(observer):
    run_id = observer.trigger("timed")
    eventually("run failed", lambda: observer.run_state("timed", run_id) == "failed", 90)
    [container] = observer.containers(run_id)
    assert container["lastStatus"] == "STOPPED"
    assert ": timeout after 5 s" in container["stoppedReason"]


def test_the_timeout_of_the_run_stops_its_container(observer):
    run_id, container = start_long_run(observer, "bounded")
    eventually("stopped", lambda: stopped(observer, run_id, container["taskArn"]), 15 + STOPPED_WITHIN_SECONDS)


@pytest.mark.parametrize("how", ["restart", "kill -9"])
def test_the_end_of_the_triggerer_stops_nothing_and_doubles_nothing(world, observer, how):
    run_id = observer.trigger("one", mode="ok", seconds=20)
    [container] = eventually("a container runs", lambda: running(observer, run_id), 60)
    if how == "restart":
        world.services["triggerer"].stop()
    else:
        world.kill("triggerer")
    world.start_component("triggerer")
    eventually("run succeeded", lambda: observer.run_state("one", run_id) == "success", 120)
    assert [task["taskArn"] for task in observer.containers(run_id)] == [container["taskArn"]]
    assert observer.xcom("one", run_id, "lanes_run")["arn"] == container["taskArn"]

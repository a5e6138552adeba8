"""The last net, in real Airflow: the container of a task that ended while no triggerer was alive."""

import pytest

from lanes.attempts.reaper import GRACE
from tests.faults.airflow_client import Observer, eventually


@pytest.mark.timeout(400)
def test_a_container_whose_task_ended_while_the_triggerer_was_dead_is_reaped(world):
    observer = Observer(world)
    run_id = observer.trigger("one", mode="ok", seconds=600)

    def running():
        return [task for task in observer.containers(run_id) if task["lastStatus"] == "RUNNING"]

    eventually("a container runs", running, 60)
    world.kill("triggerer")
    observer.mark("one", run_id, "failed")
    eventually("the run is over", lambda: observer.run_state("one", run_id) == "failed", 60)
    world.start_component("triggerer")

    def reaped():
        reaper_run = observer.trigger("lanes_reaper")
        eventually(
            "the reaper ends", lambda: observer.run_state("lanes_reaper", reaper_run) in ("success", "failed"), 60
        )
        assert observer.run_state("lanes_reaper", reaper_run) == "success"
        return not running()

    assert not reaped(), "within its grace the reaper leaves a container to those who end its task"
    eventually("the orphan is stopped", reaped, GRACE.total_seconds() + 90)
    [container] = observer.containers(run_id)
    assert container["stoppedReason"] == "tasklane reaper: its task is failed"

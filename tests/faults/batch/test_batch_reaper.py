"""The last net: a job and an array whose tasks ended while no triggerer was alive."""

import pytest

from lanes.attempts.reaper import GRACE
from tests.faults.airflow_client import eventually


@pytest.mark.timeout(500)
def test_jobs_whose_task_ended_while_the_triggerer_was_dead_are_reaped(world, observer, modes):
    modes(seconds=600)
    runs = {dag_id: observer.trigger(dag_id, **conf) for dag_id, conf in
            (("job_once", {"mode": "ok", "seconds": 600}), ("array", {"n": 3}))}  # fmt: skip

    def open_jobs():
        jobs = [job for run_id in runs.values() for job in world.jobs(run_id)]
        return [job for job in jobs if job["status"] not in ("SUCCEEDED", "FAILED")]

    eventually("a job and an array are there", lambda: len(open_jobs()) == 2, 90)
    world.kill("triggerer")
    for dag_id, run_id in runs.items():
        observer.mark(dag_id, run_id, "failed")
    world.start_component("triggerer")

    def reaped():
        run_id = observer.trigger("lanes_reaper")
        eventually("it ends", lambda: observer.run_state("lanes_reaper", run_id) in ("success", "failed"), 90)
        assert observer.run_state("lanes_reaper", run_id) == "success"
        return not open_jobs()

    eventually("both are ended", reaped, GRACE.total_seconds() + 150)
    children = [child for run_id in runs.values() for job in world.jobs(run_id) for child in _all(world, job)]
    assert {child["statusReason"] for child in children} == {"tasklane reaper: its task is failed"}


def _all(world, job):
    return world.children(job) if "TASKLANE_BATCHES_URI" in job["told"] else [job]

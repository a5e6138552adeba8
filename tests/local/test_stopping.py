"""How tasks are stopped: by StopTask, by their stop timeout, by their memory limit."""

import pytest

from tests.local.emulator_process import Emulator
from tests.local.lane import Lane
from tests.local.task_program import PROGRAM


@pytest.fixture(scope="module")
def lane(emulator: Emulator) -> Lane:
    return Lane(emulator, PROGRAM, stopTimeout=2)


def test_stop_task_lets_the_program_end_by_itself(lane: Lane) -> None:
    arn = lane.run(["graceful"])
    lane.wait_for_line(arn, "ready")
    lane.ecs.stop_task(cluster=lane.name, task=arn, reason="a person said so")
    task = lane.until(arn, "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "a person said so")
    assert task["containers"][0]["exitCode"] == 7
    assert lane.lines(arn) == ["ready", "told to stop"]


def test_a_program_that_ignores_sigterm_is_killed_after_the_stop_timeout(lane: Lane) -> None:
    arn = lane.run(["stubborn"])
    lane.wait_for_line(arn, "ready")
    lane.ecs.stop_task(cluster=lane.name, task=arn)
    task = lane.until(arn, "STOPPED")
    assert task["containers"][0]["exitCode"] == 137
    assert (task["stoppedAt"] - task["stoppingAt"]).total_seconds() >= 1.9


def test_a_container_over_its_memory_is_killed_and_says_so(lane: Lane) -> None:
    task = lane.finished(["eat", "700"])
    container = task["containers"][0]
    assert container["exitCode"] == 137
    assert container["reason"] == "OutOfMemoryError: Container killed due to memory usage"


def test_the_memory_override_is_the_limit(lane: Lane) -> None:
    overrides = {
        "cpu": "512",
        "memory": "1024",
        "containerOverrides": [{"name": "work", "command": ["eat", "700"]}],
    }
    arn = lane.run(overrides=overrides)
    lane.wait_for_line(arn, f"eaten {700 << 20}")
    task = lane.task(arn)
    assert (task["lastStatus"], task["memory"], task["cpu"]) == ("RUNNING", "1024", "512")
    lane.ecs.stop_task(cluster=lane.name, task=arn)
    lane.until(arn, "STOPPED")

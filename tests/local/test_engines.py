"""The container runtime, with an engine that answers here and the Python base image that `make` builds for it."""

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.local.emulator_process import start_emulator
from tests.local.lane import Lane

BASE = "localhost/python:3.12"
PROGRAM = """
import os, signal, sys, time
def failing(path):
    try:
        open(path, "w").write("x")
    except OSError as error:
        return error.strerror
    return "written"
if sys.argv[1] == "look":
    print(os.getuid(), failing("/root-file"), failing("/tmp/file"), failing("/scratch/file"), flush=True)
    print(sorted(key for key in os.environ if key.startswith("AWS_")), os.environ["A"], flush=True)
elif sys.argv[1] == "eat":
    eaten = bytearray(int(sys.argv[2]) << 20)
    time.sleep(600)
else:
    signal.signal(signal.SIGTERM, lambda *_: (print("told to stop", flush=True), sys.exit(7)))
    print("ready", flush=True)
    time.sleep(600)
"""


def engine() -> str | None:
    for name in ("podman", "docker"):
        try:
            found = subprocess.run([name, "image", "inspect", BASE], capture_output=True, timeout=60, check=False)
        except OSError:
            continue
        if found.returncode == 0:
            return name
    return None


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    name = engine()
    if name is None:
        pytest.skip(f"neither podman nor docker answers here with the image {BASE}")
    started = start_emulator(tmp_path_factory.mktemp("engines"))
    made = Lane(started, "unused")
    made.add_image(f"test/{made.name}", {"runtime": name, "engine": name, "image": BASE})
    yield made
    started.stop()


def register(lane: Lane) -> str:
    return lane.register(
        entryPoint=["python3", "-c", PROGRAM],
        user="1000",
        readonlyRootFilesystem=True,
        environment=[{"name": "A", "value": "1"}],
        linuxParameters={"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        mountPoints=[{"sourceVolume": "scratch", "containerPath": "/scratch"}],
        stopTimeout=5,
    )


@pytest.fixture(scope="module")
def definition(lane: Lane) -> str:
    return register(lane)


def test_the_container_is_what_the_definition_says(lane: Lane, definition: str) -> None:
    task = lane.finished(["look"], taskDefinition=definition)
    assert task["containers"][0]["exitCode"] == 0, (task, lane.lines(task["taskArn"]))
    look, environment = lane.lines(task["taskArn"])
    assert look == "1000 Read-only file system Read-only file system written"
    container = ["AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    common = ["AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_EXECUTION_ENV", "AWS_REGION"]
    assert environment == f"{container + common} 1"


def test_stop_task_reaches_the_program(lane: Lane, definition: str) -> None:
    arn = lane.run(["wait"], taskDefinition=definition)
    lane.wait_for_line(arn, "ready")
    lane.ecs.stop_task(cluster=lane.name, task=arn)
    task = lane.until(arn, "STOPPED")
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("UserInitiated", 7)
    assert lane.lines(arn) == ["ready", "told to stop"]


def test_a_container_over_its_memory_says_so(lane: Lane, definition: str) -> None:
    container = lane.finished(["eat", "700"], taskDefinition=definition)["containers"][0]
    assert container["exitCode"] == 137
    assert container["reason"] == "OutOfMemoryError: Container killed due to memory usage"


def test_an_image_that_the_engine_lacks_cannot_be_pulled(lane: Lane, definition: str) -> None:
    entry = {"runtime": engine() or "", "engine": engine() or "", "image": "localhost/no-such-image"}
    lane.add_image(f"test/{lane.name}", entry)
    assert lane.finished(["look"], taskDefinition=definition)["stoppedReason"].startswith("CannotPullContainerError")
    lane.add_image(f"test/{lane.name}", {**entry, "image": BASE})


def test_kill_9_of_the_emulator_removes_its_containers(lane: Lane, definition: str) -> None:
    arn = lane.run(["wait"], taskDefinition=definition)
    lane.wait_for_line(arn, "ready")
    name = f"tasklane-{arn.rsplit('/', 1)[-1]}-work"
    lane.emulator.process.kill()
    lane.emulator.process.wait()
    look = [engine() or "", "container", "inspect", name]
    while subprocess.run(look, capture_output=True, check=False).returncode == 0:
        time.sleep(0.1)  # the test's own time limit ends this

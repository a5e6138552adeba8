"""The emulator's own life: one port on loopback, clean ends, nothing left running whatever happens to it."""

import http.client
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.local.emulator_process import REPOSITORY, TOKEN, Emulator, free_port, start_emulator
from tests.local.lane import Lane

# One process in the container's group, one that left it with a session of its own.
PROGRAM = """
    import os, subprocess, sys, time
    escaped = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    inside = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print("processes", os.getpid(), inside.pid, escaped.pid, flush=True)
    if sys.argv[1:] != ["end"]:
        time.sleep(600)
"""


def started_processes(lane: Lane, arn: str) -> list[psutil.Process]:
    """The task's three processes (those of them that still run), once it has said who they are."""
    while not (lines := lane.lines(arn)):
        time.sleep(0.03)
    return [psutil.Process(int(pid)) for pid in lines[0].split()[1:] if psutil.pid_exists(int(pid))]


def all_gone(processes: list[psutil.Process]) -> bool:
    """Wait for the end of processes that are not our children; False when one stays."""
    _, alive = psutil.wait_procs(processes, timeout=20)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_only_loopback_is_bound_and_nothing_else_listens(emulator: Emulator) -> None:
    process = psutil.Process(emulator.process.pid)
    listening = {
        connection.laddr for connection in process.net_connections() if connection.status == psutil.CONN_LISTEN
    }
    assert {(address.ip, address.port) for address in listening} == {("127.0.0.1", emulator.port)}


def test_a_taken_port_is_one_clear_line_and_code_2(emulator: Emulator, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "local.aws", "--port", str(emulator.port), "--state", str(tmp_path / "state")],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f"local.aws: port {emulator.port} is taken on 127.0.0.1; free it or give another --port"
    ]


def test_a_state_folder_that_cannot_be_is_one_clear_line_and_code_2(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = subprocess.run(
        [sys.executable, "-m", "local.aws", "--port", str(free_port()), "--state", str(tmp_path / "file" / "state")],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    expected = f"local.aws: --state {tmp_path}/file/state: Not a directory; give a folder that can be written"
    assert (ended.returncode, ended.stderr.splitlines()) == (2, [expected])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_all_its_tasks(own_emulator: Emulator, number: signal.Signals) -> None:
    lane = Lane(own_emulator, PROGRAM)
    processes = started_processes(lane, lane.run())
    own_emulator.process.send_signal(number)
    assert own_emulator.process.wait(timeout=60) == 0
    assert all_gone(processes)


def test_kill_9_of_the_emulator_leaves_nothing_running(own_emulator: Emulator) -> None:
    lane = Lane(own_emulator, PROGRAM)
    processes = [process for _ in range(3) for process in started_processes(lane, lane.run())]
    helpers = psutil.Process(own_emulator.process.pid).children()
    own_emulator.process.kill()
    own_emulator.process.wait()
    assert all_gone(processes + helpers)


def test_what_a_task_leaves_running_is_ended_with_it(emulator: Emulator) -> None:
    lane = Lane(emulator, PROGRAM)
    arn = lane.run(["end"])
    processes = started_processes(lane, arn)
    assert lane.until(arn, "STOPPED")["containers"][0]["exitCode"] == 0
    assert all_gone(processes)


def test_scratch_folders_are_private_and_removed(emulator: Emulator) -> None:
    lane = Lane(emulator, "import os; print(oct(os.stat(os.environ['TMPDIR']).st_mode), os.environ['TMPDIR'])")
    mode, folder = lane.lines(lane.finished()["taskArn"])[0].split()
    assert mode.endswith("700")
    assert not Path(folder).exists()


def test_state_survives_a_restart(tmp_path: Path) -> None:
    first = start_emulator(tmp_path)
    lane = Lane(first, "print('done')")
    stopped = lane.finished()["taskArn"]
    first.client("s3").create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    first.client("s3").put_object(Bucket="kept", Key="a", Body=b"content")
    assert first.stop() == 0
    second = start_emulator(tmp_path)
    assert second.client("s3").get_object(Bucket="kept", Key="a")["Body"].read() == b"content"
    known = second.client("ecs").describe_tasks(cluster=lane.name, tasks=[stopped])["tasks"][0]
    assert known["containers"][0]["exitCode"] == 0
    assert second.stop() == 0


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_localstack/state", "/_ministack/config"])
def test_ministack_s_own_administration_is_closed(emulator: Emulator, path: str) -> None:
    assert emulator.call("POST", path, {})[0] == 404


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [("Origin", "https://example.com", 403), ("Host", "rebound.example.com:80", 403), ("Host", "localhost:80", 200)],
)
def test_web_pages_cannot_use_it(emulator: Emulator, name: str, value: str, status: int) -> None:
    root = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host"}
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port)
    connection.request("GET", "/", headers={**root, name: value})
    assert connection.getresponse().status == status


def test_a_stubborn_task_does_not_hold_up_the_end(own_emulator: Emulator) -> None:
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"
    lane = Lane(own_emulator, program, stopTimeout=120)
    lane.wait_for_line(lane.run(), "on")
    asked = time.monotonic()
    assert own_emulator.stop() == 0
    assert time.monotonic() - asked < 60


@pytest.mark.parametrize("path", ["/_tasklane/credentials", "/_tasklane/faults"])
def test_our_administration_needs_the_token(emulator: Emulator, path: str) -> None:
    assert emulator.call("POST", path, {}, token="wrong")[0] == 403
    assert emulator.call("POST", path, {}, token=TOKEN)[0] == 400


def test_kill_9_forgets_no_task_no_token_no_credentials_and_no_stack(tmp_path: Path) -> None:
    first = start_emulator(tmp_path)
    lane = Lane(first, PROGRAM)
    ended, running = lane.run(["end"], clientToken="ended"), lane.run(clientToken="running")
    lane.until(ended, "STOPPED")
    processes = started_processes(lane, running)
    lines = lane.lines(ended)
    service = {"role_arn": lane.task_role, "service": "ecs-tasks.amazonaws.com"}
    grant = first.call("POST", "/_tasklane/credentials", service)[1]
    uri, token = grant["full_uri"].removeprefix(first.endpoint), grant["authorization_token"]
    held = first.call("GET", uri, token=token)[1]
    time.sleep(1.5)  # the services' own state is saved about a second after its last change
    first.process.kill()
    first.process.wait()
    assert all_gone(processes)

    second = start_emulator(tmp_path, first.port)
    lane.emulator = second
    assert not list((tmp_path / "state").glob("scratch/*"))
    assert lane.task(ended)["containers"][0]["exitCode"] == 0
    assert (lane.task(running)["lastStatus"], lane.task(running)["stopCode"]) == ("STOPPED", "TerminationNotice")
    assert lane.lines(ended) == lines
    assert lane.run(["end"], clientToken="ended") == ended
    assert second.client("sts", held).get_caller_identity()["Arn"].endswith(lane.task_role.rsplit("/", 1)[-1])
    assert second.call("GET", uri, token=token)[1] == held
    assert second.stop() == 0

"""RunInPod's promises on a real node: kubelet, containerd and runc, results in S3 with the task's own role (IRSA)."""

import datetime as dt
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lanes.kubernetes import launch, verdict
from lanes.kubernetes.cluster import Cluster
from tests.cluster.assets import NODE, need
from tests.cluster.forward import forwarded
from tests.cluster.node import Node
from tests.cluster.node import node as running_node
from tests.cluster.pod_identity import pod_identity
from tests.container_engine import BASE
from tests.dags.lanes_airflow.kubernetes.cluster.conftest import (
    CLUSTER,
    ENTRY,
    NAMESPACE,
    Lane,
    attempt_of,
    client,
    first_pod,
    killed,
    run,
    trigger_of,
    until,
)
from tests.dags.lanes_airflow.kubernetes.cluster.image import IMAGE, build

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def node(cluster: Lane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with the image; pods with an annotated service account get its role, and are told where AWS is."""
    need(*NODE)
    build(tmp_path_factory.mktemp("image"))
    with running_node(cluster.plane, BASE, IMAGE) as made:
        port = int(cluster.aws.rpartition(":")[2])
        with forwarded(made.address, port) as outside, pod_identity(cluster.plane, f"http://{made.address}:{outside}"):
            yield made


@pytest.fixture(autouse=True)
def pods(node: Node, lane: Lane, manifest) -> Lane:
    manifest(**{**lane.manifest, "tasks": {"probe": {**ENTRY, "image": IMAGE}}})
    return lane


def document(lane: Lane, uri: str) -> dict:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(client(lane.aws, "s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def processes(run_id: str) -> list[int]:
    """Of the program in the task's pods, as this machine numbers them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TASKLANE_RUN_ID={run_id}".encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:  # it has ended
            continue
    return found


def log_of(lane: Lane, name: str) -> str:
    return lane.plane.admin.get(f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/log").text


def waits(lane: Lane, name: str) -> bool:
    return name in lane.pods and "waiting" in log_of(lane, name).splitlines()


def killed_triggerer(lane: Lane, run_id: str) -> int:
    """SIGKILL, once the pod's program waits; the program as this machine numbers it."""
    triggerer = subprocess.Popen([sys.executable, str(HERE / "triggerer.py"), run_id, "wait"])
    try:
        until(lambda: waits(lane, first_pod(attempt_of(run_id))))
    finally:
        triggerer.kill()
        triggerer.wait()
    [program] = processes(run_id)
    return program


def test_confined_and_with_the_tasks_own_role(pods: Lane) -> None:
    outcome, ran = run(attempt_of("confined"), "confined", result=True)
    assert outcome.failure is None
    found = document(pods, outcome.result_uri)
    assert found["caller"].startswith("arn:aws:sts::000000000000:assumed-role/tasklane-dev-probe-task/")
    facts = json.loads(next(line for line in ran.last_lines if line.startswith("confined")).removeprefix("confined "))
    assert facts["Uid"].split() == ["10001"] * 4
    assert {facts["CapEff"], facts["CapBnd"]} == {"0" * 16}
    assert (facts["NoNewPrivs"], facts["root"], facts["keys"]) == ("1", "30", [])  # 30: a read-only file system


def test_another_service_account_does_not_get_the_role(pods: Lane) -> None:
    """The token is real and signed by this cluster; the role's trust names one subject of it."""
    accounts = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
    role = pods.plane.ask("GET", f"{accounts}/probe")["metadata"]["annotations"]
    pods.plane.ask("POST", accounts, {"metadata": {"name": "another", "annotations": role}})
    launch_ = trigger_of(attempt_of("another"), "confined", result=True).launch
    pod = launch_.pod(0, launch_.sizes[0])
    pod["spec"]["serviceAccountName"] = "another"
    pods.plane.ask("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", pod)
    until(lambda: pods.pods[pod["metadata"]["name"]]["status"]["phase"] == "Failed")
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in log_of(pods, pod["metadata"]["name"])


def test_out_of_memory_grows_to_the_next_size(pods: Lane) -> None:
    outcome, _ = run(attempt_of("grows"), "grow", "250", result=True)
    assert (outcome.failure, outcome.step.number, outcome.step.size) == (None, 1, 1)
    ended = pods.pods[first_pod(attempt_of("grows"))]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


def test_the_programs_own_words(pods: Lane) -> None:
    outcome, _ = run(attempt_of("input"), "exit", "2")
    assert outcome.failure
    assert outcome.failure.headline == "input: exit code 2: no such column"
    outcome, _ = run(attempt_of("error"), "raise")
    assert outcome.failure
    assert outcome.failure.headline == "error: exit code 1: KeyError: 'dose'"


def test_every_line_is_shown_once(pods: Lane, caplog) -> None:
    caplog.set_level("INFO", "lanes.container")
    outcome, ran = run(attempt_of("lines"), "lines", "20000")
    assert outcome.failure is None
    assert ran.last_lines[-1] == "line 19999"
    shown = [int(number) for number in re.findall(r"\] line (\d+)", caplog.text)]
    assert shown == list(range(20000))


def test_a_triggerer_is_killed_and_another_goes_on(pods: Lane) -> None:
    name = first_pod(attempt_of("killed"))
    program = killed_triggerer(pods, "killed")

    def goes_on() -> None:
        time.sleep(3)
        os.kill(program, signal.SIGUSR1)

    outcome, _ = run(attempt_of("killed"), "wait", result=True, while_it_runs=goes_on)
    assert (outcome.failure, outcome.arn, list(pods.pods)) == (None, name, [name])
    outcome, _ = run(attempt_of("killed", 2), "wait", result=True)  # Airflow never heard of the success
    assert (outcome.failure, outcome.arn, list(pods.pods)) == (None, name, [name])


def test_a_task_that_is_ended_takes_its_pod_with_it(pods: Lane, manifest) -> None:
    manifest(**{**pods.manifest, "tasks": {"probe": {**ENTRY, "image": IMAGE, "stop_timeout_seconds": 20}}})
    attempt = attempt_of("ended")
    begun = killed(attempt, "stubborn", when=lambda: waits(pods, first_pod(attempt)))
    pod = pods.pods[begun]
    assert pod["metadata"]["annotations"]["tasklane/stopped-reason"].endswith("the Airflow task was ended or cleared")
    until(lambda: "asked to stop" in log_of(pods, begun))
    until(lambda: begun not in pods.pods)
    assert processes("ended") == []


def test_the_time_limit(pods: Lane) -> None:
    outcome, _ = run(attempt_of("late"), "wait", execution_timeout=dt.timedelta(seconds=3))
    assert outcome.failure
    assert outcome.failure.headline.startswith("timeout: ")
    until(lambda: not pods.pods)
    assert processes("late") == []


def test_the_cluster_ends_a_pod_that_nobody_watches(pods: Lane, monkeypatch) -> None:
    monkeypatch.setattr(launch, "START_PATIENCE_SECONDS", -595)
    outcome, _ = run(attempt_of("unwatched"), "wait")
    assert outcome.failure
    assert outcome.failure.headline.startswith("timeout: ")
    assert "DeadlineExceeded: Pod was active on the node longer than the specified deadline" in outcome.failure.reason


def test_an_image_that_does_not_come(pods: Lane, manifest, monkeypatch) -> None:
    monkeypatch.setattr(verdict, "IMAGE_PATIENCE_SECONDS", 5.0)
    manifest(**{**pods.manifest, "tasks": {"probe": {**ENTRY, "image": "127.0.0.1:1/nowhere:1"}}})
    outcome, _ = run(attempt_of("no image"))
    assert outcome.failure
    assert re.match(r"image: tasklane .*: image: (ErrImagePull|ImagePullBackOff): ", outcome.failure.headline)
    assert "127.0.0.1:1/nowhere:1" in outcome.failure.reason


def test_a_pod_that_no_node_takes(pods: Lane, manifest, monkeypatch) -> None:
    monkeypatch.setattr(verdict, "CAPACITY_PATIENCE_SECONDS", 2.0)
    large = {"large": {"cpu_units": 65536, "memory_mib": 512}}
    manifest(**{**pods.manifest, "tasks": {"probe": {**ENTRY, "image": IMAGE, "sizes": large}}})
    outcome, _ = run(attempt_of("no node"))
    assert outcome.failure
    assert "no node takes the pod: 0/1 nodes are available: 1 Insufficient cpu" in outcome.failure.reason
    assert str(outcome.failure.kind) == "capacity"


@pytest.mark.parametrize("how", ["eviction", "deletion"])
def test_a_pod_that_is_taken_away_is_started_again(pods: Lane, how: str) -> None:
    attempt = attempt_of(how)
    first, where = first_pod(attempt), f"/api/v1/namespaces/{NAMESPACE}/pods/{first_pod(attempt)}"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": first, "namespace": NAMESPACE}}

    def somebody() -> None:
        until(lambda: waits(pods, first))
        if how == "eviction":  # as `kubectl drain` and consolidation do
            pods.plane.ask("POST", f"{where}/eviction", eviction)
        else:
            pods.plane.ask("DELETE", where)
        until(lambda: first not in pods.pods and any(waits(pods, name) for name in list(pods.pods)))
        [program] = processes(how)
        os.kill(program, signal.SIGUSR1)

    outcome, _ = run(attempt, "wait", result=True, while_it_runs=somebody)
    assert (outcome.failure, outcome.step.number) == (None, 1)


def test_the_reaper_deletes_what_has_no_task(pods: Lane) -> None:
    from lanes.kubernetes.reaper import reap_cluster

    killed_triggerer(pods, "orphan")
    name = first_pod(attempt_of("orphan"))
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    states = {"orphan": {"work": "failed"}}
    found = reap_cluster(Cluster(CLUSTER, "us-east-1"), NAMESPACE, "dev", lambda dag, runs: states, later)
    assert [(one["arn"], one["why"]) for one in found] == [(name, "its task is failed")]
    until(lambda: name not in pods.pods)
    assert processes("orphan") == []


def test_how_long_a_start_takes(pods: Lane, record_property) -> None:
    """From the request to the program's first line, on a node with room and the image. Told, not judged."""
    seconds = []
    for number in range(5):
        begun = time.time()
        outcome, ran = run(attempt_of(f"start {number}"), "clock")
        assert outcome.failure is None
        seconds.append(float(ran.last_lines[-1].removeprefix("clock ")) - begun)
    load = os.getloadavg()[0]
    print(f"seconds to the first line: median {statistics.median(seconds):.1f}, {min(seconds):.1f}-{max(seconds):.1f}; "
          f"load {load:.0f}")  # fmt: skip

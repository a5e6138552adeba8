"""RunInPod with the real client library against a stand-in for EKS and its API server (see api_server.py)."""

import asyncio
import base64
import datetime as dt
import json
import time
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow.exceptions import TaskDeferred

from lanes import run_task
from lanes.attempts.identity import Attempt
from lanes.aws import logs, poller
from lanes.kubernetes import calls
from lanes.kubernetes import trigger as trigger_module
from lanes.kubernetes.names import pod_name
from tests.dags.lanes_airflow.kubernetes.api_server import NAMESPACE, PODS, ApiServer

ENTRY = {
    "lane": "kubernetes",
    "task_role_arn": "arn:aws:iam::111122223333:role/tasklane-dev-probe-task",
    "service_account": "probe",
    "container": "probe",
    "image": "registry/probe@sha256:" + "0" * 64,
    "owner": "data",
    "architecture": "x86_64",
    "timeout_minutes": 10,
    "stop_timeout_seconds": 7,
    "spot": False,
    "result_version": 1,
    "sizes": {
        "small": {"cpu_units": 512, "memory_mib": 1024, "grows_to": ["large"]},
        "large": {"cpu_units": 1024, "memory_mib": 4096},
    },
}
CLUSTER = {"cluster": "data", "namespace": NAMESPACE}


@pytest.fixture
def server(manifest, monkeypatch):
    made = ApiServer()
    monkeypatch.setenv("AWS_ENDPOINT_URL_EKS", made.endpoint)
    for name, value in {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(poller, "SHORTEST_SECONDS", 0.05)
    monkeypatch.setattr(logs, "LOOK_EVERY_SECONDS", 0.05)
    manifest(kubernetes=CLUSTER, tasks={"probe": ENTRY})
    yield made
    made.close()


def attempt_of(try_number: int = 1, attempt_id: str = "a1") -> Attempt:
    names = {"dag_id": "d", "run_id": "r", "task_id": "work", "map_index": -1, "max_tries": 3}
    ti = SimpleNamespace(**names, try_number=try_number, id=attempt_id)
    return Attempt.of(ti, SimpleNamespace(start_date=1, run_after=2, conf={}))


def trigger_of(attempt: Attempt, **arguments):
    task = run_task("probe", task_id="work", command=["count"], result=False, **arguments)
    launch = task.launch_of(attempt)
    launch.check()
    deferred = task.trigger_of(launch, resume_on_success=False)
    path, kwargs = deferred.serialize()  # as another triggerer gets it
    assert path == "lanes.kubernetes.trigger.RunInPodTrigger"
    return trigger_module.RunInPodTrigger(**kwargs)


def run(attempt: Attempt | None = None, **arguments):
    """(the outcome, the AttemptRun) of an attempt."""
    trigger, holder = trigger_of(attempt or attempt_of(), **arguments), []
    return asyncio.run(trigger.attempt(holder)), holder[0]


def ends(code: int, word: str = "", lines=("counting",), **status):
    """A kubelet that runs each pod to this end."""

    def kubelet(server: ApiServer):
        def told(pod):
            name = pod["metadata"]["name"]
            server.runs(name, *lines)
            time.sleep(0.1)
            server.ends(name, code, word, **status)

        return told

    return kubelet


def test_the_worker_defers_and_the_pod_is_what_the_client_library_knows(server: ApiServer) -> None:
    from kubernetes.client import ApiClient

    task = run_task("probe", task_id="work", command=["count"], result=False)
    names = {
        "dag_id": "d",
        "run_id": "r",
        "task_id": "work",
        "map_index": -1,
        "max_tries": 3,
        "try_number": 1,
        "id": "i",
    }
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({"ti": SimpleNamespace(**names), "dag_run": SimpleNamespace(start_date=1, run_after=2, conf={})})
    launch = deferred.value.trigger.launch
    assert server.created == 0
    pod, client = launch.pod(0, launch.sizes[0]), ApiClient()
    model = client.deserialize(SimpleNamespace(data=json.dumps(pod)), "V1Pod")
    assert client.sanitize_for_serialization(model) == pod  # no field that it would drop


def test_a_pod_that_succeeds(server: ApiServer) -> None:
    server.kubelet = ends(0)(server)
    outcome, ran = run()
    assert outcome.failure is None
    assert outcome.arn == pod_name(attempt_of(), 0)
    assert ran.last_lines == ["counting"]
    assert server.created == 1
    assert outcome.seen.started_at
    assert outcome.seen.stopped_at


def test_the_token_is_a_signed_question_for_this_cluster(server: ApiServer) -> None:
    server.kubelet = ends(0)(server)
    run()
    token = server.tokens[0].removeprefix("Bearer k8s-aws-v1.")
    address = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    asked = parse_qs(address.query)
    assert (address.scheme, address.netloc) == ("https", "sts.eu-central-1.amazonaws.com")
    assert asked["Action"] == ["GetCallerIdentity"]
    assert "x-k8s-aws-id" in asked["X-Amz-SignedHeaders"][0]
    assert asked["X-Amz-Expires"] == ["60"]


def test_failures_have_their_class_and_the_programs_words(server: ApiServer) -> None:
    server.kubelet = ends(1, lines=["Traceback (most recent call last):", '  File "x"', "KeyError: 'dose'"])(server)
    assert run()[0].failure.headline == "error: exit code 1: KeyError: 'dose'"
    server.kubelet = ends(2, lines=["no such column"])(server)
    assert run(attempt_of(2, "a2"))[0].failure.headline == "input: exit code 2: no such column"


def test_out_of_memory_grows_and_an_eviction_is_started_again(server: ApiServer) -> None:
    endings = iter(
        [ends(137, "OOMKilled"), ends(137, reason="Evicted", message="The node was low on memory."), ends(0)]
    )
    server.kubelet = lambda pod: next(endings)(server)(pod)
    outcome, _ = run()
    assert outcome.failure is None
    assert (outcome.step.number, outcome.step.size) == (2, 1)
    memory = [pod["spec"]["containers"][0]["resources"]["limits"]["memory"] for pod in server.pods.values()]
    assert memory == ["1024Mi", "4096Mi", "4096Mi"]


def test_another_triggerer_goes_on_with_the_pod_and_a_later_attempt_adopts_its_end(server: ApiServer) -> None:
    async def left_alone() -> None:
        """A triggerer that is killed: the attempt stops, the pod does not."""
        holder: list = []
        attempt = asyncio.create_task(trigger_of(attempt_of()).attempt(holder))
        while not server.pods:
            await asyncio.sleep(0.02)
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)

    asyncio.run(left_alone())
    [name] = server.pods
    ends(0)(server)(server.pods[name])
    outcome, _ = run()
    assert (outcome.arn, outcome.failure, server.created) == (name, None, 1)
    outcome, _ = run(attempt_of(2, "a2"))  # its worker died before Airflow heard of the success
    assert (outcome.arn, outcome.failure, server.created) == (name, None, 1)


def test_a_pod_of_this_launch_is_not_made_twice(server: ApiServer) -> None:
    """The answer to the first request was lost: the API server had made the pod."""
    server.kubelet = ends(0)(server)
    server.deaf = 2
    outcome, _ = run()
    assert (outcome.failure, server.created) == (None, 1)
    launch = trigger_of(attempt_of()).launch
    status, _ = server.answer("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", "", launch.pod(0, launch.sizes[0]))
    assert status == 409


def test_a_killed_task_deletes_its_pod_with_its_grace(server: ApiServer) -> None:
    async def killed() -> None:
        holder: list = []
        attempt = asyncio.create_task(trigger_of(attempt_of()).attempt(holder))
        while not (holder and holder[0].arn):
            await asyncio.sleep(0.02)
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
        await holder[0].stop("the Airflow task was ended or cleared")

    asyncio.run(killed())
    [(name, grace)] = server.deleted
    assert server.annotated[name] == {
        "tasklane/stopped-reason": "tasklane a1 try 1: the Airflow task was ended or cleared"
    }
    assert name == pod_name(attempt_of(), 0)
    assert grace in (7, ["7"])
    assert server.pods == {}


def test_a_pod_that_somebody_deletes_is_started_again(server: ApiServer) -> None:
    def taken(pod) -> None:
        name = pod["metadata"]["name"]
        server.runs(name, "counting")
        time.sleep(0.5)
        server.answer("DELETE", f"{PODS}/{name}", "", None)

    kubelets = iter([taken, lambda pod: ends(0)(server)(pod)])
    server.kubelet = lambda pod: next(kubelets)(pod)
    outcome, _ = run()
    assert (outcome.failure, outcome.step.number, server.created) == (None, 1, 2)


def test_a_cluster_that_does_not_take_the_token(server: ApiServer, monkeypatch) -> None:
    monkeypatch.setattr(calls, "ACCESS_PATIENCE_SECONDS", 0.5)
    server.knows_airflow = False
    outcome, _ = run()
    assert str(outcome.failure.kind) == "refused"
    assert "does not take the token of Airflow's role; it needs an access entry" in outcome.failure.reason


def test_the_time_limit(server: ApiServer) -> None:
    server.kubelet = lambda pod: server.runs(pod["metadata"]["name"], "counting")
    outcome, _ = run(execution_timeout=dt.timedelta(seconds=1))
    assert outcome.failure.headline.startswith("timeout: tasklane a1 try 1: timeout after 1 s")
    assert len(server.deleted) == 1


def test_an_image_that_does_not_come(server: ApiServer) -> None:
    def kubelet(pod):
        server.waits(pod["metadata"]["name"], "ImagePullBackOff", 'Back-off pulling image "registry/probe"', 400)

    server.kubelet = kubelet
    outcome, _ = run()
    assert "image: ImagePullBackOff: Back-off pulling image" in outcome.failure.headline
    assert str(outcome.failure.kind) == "image"
    assert len(server.deleted) == 1


def test_a_service_account_that_is_not_there(server: ApiServer) -> None:
    server.service_accounts.clear()
    outcome, _ = run()
    assert str(outcome.failure.kind) == "refused"
    assert 'serviceaccount "probe" not found' in outcome.failure.reason
    assert "tasklane kubernetes objects" in outcome.failure.reason


def test_what_is_left_is_removed_and_what_has_no_task_is_deleted(server: ApiServer) -> None:
    from lanes.kubernetes.cluster import Cluster
    from lanes.kubernetes.reaper import reap_cluster

    server.kubelet = ends(0)(server)
    run()
    launch = trigger_of(attempt_of(2, "a2")).launch
    server.kubelet = lambda pod: server.runs(pod["metadata"]["name"])
    server.answer("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", "", launch.pod(1, launch.sizes[0]))
    assert len(server.pods) == 2
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)
    cluster = Cluster("data", "eu-central-1")
    reaped = reap_cluster(cluster, NAMESPACE, "dev", lambda dag, runs: {"r": {"work": "failed"}}, later)
    assert [(one["dag"], one["run"], one["task"], one["why"]) for one in reaped] == [
        ("d", "r", "work", "its task is failed")
    ]
    assert server.pods == {}


def test_an_environment_without_a_cluster_refuses_the_lane(manifest) -> None:
    manifest(tasks={"probe": {**ENTRY, "task_role_arn": ""}})
    with pytest.raises(ValueError, match=r"lane kubernetes needs an EKS cluster, and this environment names none; set"):
        run_task("probe", command=["x"])

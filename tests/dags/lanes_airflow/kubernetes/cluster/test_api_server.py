"""RunInPod against a real API server, with Airflow's own role and the rights of `tasklane kubernetes objects`.

Authenticated as on EKS, admitted by Pod Security ("restricted"), ServiceAccount and ResourceQuota. No node: what a
kubelet reports, the test writes into the pod's status, which the API server validates.
"""

import copy
import datetime as dt
import time

import httpx
import pytest

from lanes.kubernetes import calls
from lanes.kubernetes.cluster import Cluster, _token
from tests.dags.lanes_airflow.kubernetes.cluster.conftest import (
    AIRFLOW,
    CLUSTER,
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

PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
RIGHTS = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/roles/tasklane-airflow"


def ended(lane: Lane, name: str, code: int = 0, word: str = "", **status):
    """A kubelet that ends the pod, once there is one."""

    def act() -> None:
        until(lambda: name in lane.pods)
        lane.ends(name, code, word, **status)

    return act


def headline(attempt, **how) -> str:
    outcome, _ = run(attempt, **how)
    assert outcome.failure
    return outcome.failure.headline


def test_a_pod_is_admitted_watched_and_judged(lane: Lane) -> None:
    attempt = attempt_of("succeeds")
    outcome, _ = run(attempt, while_it_runs=ended(lane, first_pod(attempt)))
    assert outcome.failure is None
    pod = lane.pods[first_pod(attempt)]
    assert pod["spec"]["priority"] == 0  # admission has been here
    assert pod["status"]["qosClass"] == "Guaranteed"  # requests are limits
    reviewed = lane.plane.ask("GET", PODS, params={"labelSelector": "tasklane/environment=dev"})["items"]
    assert [one["metadata"]["name"] for one in reviewed] == [first_pod(attempt)]


def test_the_namespace_refuses_pods_that_are_less_confined(lane: Lane) -> None:
    launch = trigger_of(attempt_of("confined")).launch
    pod = launch.pod(0, launch.sizes[0])
    del pod["spec"]["containers"][0]["securityContext"]["capabilities"]
    answer = lane.plane.admin.post(PODS, json=pod)
    assert answer.status_code == 403
    assert 'violates PodSecurity "restricted' in answer.json()["message"]


def test_memory_grows_and_evictions_are_started_again(lane: Lane) -> None:
    attempt = attempt_of("again")
    launch = trigger_of(attempt).launch
    names = [launch.pod(number, launch.sizes[0])["metadata"]["name"] for number in range(3)]

    def kubelet() -> None:
        ended(lane, names[0], 137, "OOMKilled")()
        ended(lane, names[1], 137, reason="Evicted", message="The node was low on resource: memory.")()
        ended(lane, names[2])()

    outcome, _ = run(attempt, while_it_runs=kubelet)
    assert (outcome.failure, outcome.step.number, outcome.step.size) == (None, 2, 1)
    memory = [lane.pods[name]["spec"]["containers"][0]["resources"]["limits"]["memory"] for name in names]
    assert memory == ["192Mi", "512Mi", "512Mi"]


def test_a_second_pod_of_a_launch_is_refused(lane: Lane) -> None:
    launch = trigger_of(attempt_of("twice")).launch
    pod = launch.pod(0, launch.sizes[0])
    assert [lane.plane.admin.post(PODS, json=pod).status_code for _ in range(2)] == [201, 409]
    outcome, _ = run(launch.attempt, while_it_runs=ended(lane, pod["metadata"]["name"]))
    assert outcome.failure is None
    assert len(lane.pods) == 1


def test_a_service_account_that_is_not_there(lane: Lane, objects) -> None:
    lane.plane.ask("DELETE", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/probe")
    said = headline(attempt_of("no account"))
    assert said.startswith("refused: the cluster refused the call: pods ")
    assert "error looking up service account tasklane-dev/probe" in said
    assert "tasklane kubernetes objects" in said


def test_a_full_quota_is_waited_for(lane: Lane, monkeypatch) -> None:
    from lanes.attempts import attempt_run

    monkeypatch.setattr(attempt_run, "CAPACITY_PATIENCE_SECONDS", 2.0)
    path = f"/api/v1/namespaces/{NAMESPACE}/resourcequotas"
    lane.plane.ask("POST", path, {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "0"}}})
    lane.plane.ask("PATCH", f"{path}/few/status", {"status": {"hard": {"pods": "0"}, "used": {"pods": "0"}}},
                   headers={"Content-Type": "application/merge-patch+json"})  # fmt: skip
    try:
        said = headline(attempt_of("quota"))
    finally:
        lane.plane.ask("DELETE", f"{path}/few")
    assert said.startswith("capacity: ")
    assert "exceeded quota: few" in said


def without(objects, resource: str, verb: str):
    [role] = [copy.deepcopy(one) for one in objects if one["kind"] == "Role"]
    for rule in role["rules"]:
        if rule["resources"] == [resource]:
            rule["verbs"] = [one for one in rule["verbs"] if one != verb]
    return {**role, "rules": [rule for rule in role["rules"] if rule["verbs"]]}


NEEDED = [
    ("pods", "create", "cannot create resource"),
    ("pods", "list", "cannot list resource"),
    ("pods", "delete", "cannot delete resource"),
    ("pods", "patch", "cannot patch resource"),
    ("pods/log", "get", 'cannot get resource "pods/log"'),
]


@pytest.mark.parametrize(("resource", "verb", "words"), NEEDED)
def test_each_right_is_needed_and_its_lack_is_named(lane: Lane, objects, caplog, resource, verb, words) -> None:
    lane.plane.ask("PUT", RIGHTS, without(objects, resource, verb))
    attempt = attempt_of(f"without {verb} {resource}")
    caplog.set_level("INFO")
    if verb in ("create", "list"):
        said = headline(attempt)
        assert said.startswith("refused: the cluster refused the call: pods ")
    elif verb == "get":
        run(attempt, while_it_runs=ended(lane, first_pod(attempt)))
        said = caplog.text
    else:
        killed(attempt)
        said = caplog.text
    assert words in said
    assert 'User "arn:aws:sts::000000000000:assumed-role/airflow/' in said
    assert "tasklane kubernetes objects" in said


def test_all_rights_are_in_that_list(objects) -> None:
    [role] = [one for one in objects if one["kind"] == "Role"]
    given = {(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}
    assert given == {(resource, verb) for resource, verb, _ in NEEDED}


def test_a_namespace_that_is_not_there_is_not_airflows_either(lane: Lane, manifest) -> None:
    manifest(**{**lane.manifest, "kubernetes": {"cluster": CLUSTER, "namespace": "elsewhere"}})
    said = headline(attempt_of("elsewhere"))
    assert said.startswith("refused: the cluster refused the call: pods is forbidden: ")
    assert "tasklane kubernetes objects" in said


def test_a_role_without_an_access_entry_is_a_stranger(lane: Lane, monkeypatch) -> None:
    """EKS needs a moment for a new entry; after that it will not come."""
    monkeypatch.setattr(calls, "ACCESS_PATIENCE_SECONDS", 3.0)
    eks, which = client(lane.aws, "eks"), {"clusterName": CLUSTER, "principalArn": AIRFLOW}
    eks.delete_access_entry(**which)
    try:
        said = headline(attempt_of("stranger"))
    finally:
        eks.create_access_entry(**which, kubernetesGroups=["tasklane-airflow"])
    assert said.startswith(
        "refused: cluster 'data' does not take the token of Airflow's role; it needs an access entry"
    )


def test_a_token_that_was_changed_is_refused(lane: Lane) -> None:
    cluster = Cluster(CLUSTER, "us-east-1")
    cluster.core()
    header = {"Authorization": f"Bearer {cluster._token}"}
    path = f"{lane.plane.endpoint}{PODS}"
    with httpx.Client(verify=str(lane.plane.serving.certificate)) as stranger:
        # The API server remembers a refusal for a second, and a token signed in one second is the same twice.
        until(lambda: stranger.get(path, headers=header).status_code == 200)
        assert stranger.get(path, headers={"Authorization": header["Authorization"][:-4] + "AAAA"}).status_code == 401
        elsewhere = Cluster("another", "us-east-1")
        signed_for_another = {"Authorization": f"Bearer {_token(elsewhere.name, 'us-east-1')}"}
        assert stranger.get(path, headers=signed_for_another).status_code == 401


def test_a_cluster_that_eks_does_not_know(lane: Lane, manifest) -> None:
    manifest(**{**lane.manifest, "kubernetes": {"cluster": "nowhere", "namespace": NAMESPACE}})
    said = headline(attempt_of("nowhere"))
    assert said.startswith("refused: AWS refused DescribeCluster: ")


def test_a_killed_task_says_why_in_its_pod(lane: Lane) -> None:
    """A pod on a node stays until its kubelet has ended it: whoever comes meanwhile learns why."""
    attempt = attempt_of("killed")
    name = killed(attempt, when=lambda: bind(lane, first_pod(attempt)))
    pod = lane.pods[name]
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 3
    assert pod["metadata"]["annotations"]["tasklane/stopped-reason"] == (
        "tasklane killed-1 try 1: the Airflow task was ended or cleared"
    )
    outcome, _ = run(attempt, while_it_runs=ended(lane, name, 143))  # another triggerer
    assert outcome.failure
    assert outcome.failure.headline.startswith("stopped: exit code 143: tasklane killed-1 try 1: the Airflow task")
    assert len(lane.pods) == 1


def bind(lane: Lane, name: str) -> bool:
    """As the scheduler does; there is no such node."""
    target = {"metadata": {"name": name}, "target": {"kind": "Node", "name": "far-away"}}
    if not lane.pods[name]["spec"].get("nodeName"):
        lane.plane.ask("POST", f"{PODS}/{name}/binding", target)
    return True


def test_a_pod_that_somebody_deletes_is_started_again(lane: Lane) -> None:
    attempt = attempt_of("deleted")
    launch = trigger_of(attempt).launch
    first, second = (launch.pod(number, launch.sizes[0])["metadata"]["name"] for number in (0, 1))

    def somebody() -> None:
        time.sleep(2)  # the poller has seen it
        lane.plane.ask("DELETE", f"{PODS}/{first}")
        ended(lane, second)()

    outcome, _ = run(attempt, while_it_runs=somebody)
    assert (outcome.failure, outcome.arn) == (None, second)


def test_what_is_left_is_removed_page_by_page(lane: Lane, monkeypatch) -> None:
    from lanes.kubernetes import reaper

    monkeypatch.setattr(reaper, "PODS_PER_CALL", 2)
    for number in range(5):
        launch = trigger_of(attempt_of(f"left {number}")).launch
        lane.plane.ask("POST", PODS, launch.pod(0, launch.sizes[0]))
    lane.ends(first_pod(attempt_of("left 0")), 1)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)
    states = {f"left {number}": {"work": "failed" if number < 4 else "deferred"} for number in range(5)}
    found = reaper.reap_cluster(Cluster(CLUSTER, "us-east-1"), NAMESPACE, "dev", lambda dag, runs: states, later)
    assert sorted(one["run"] for one in found) == ["left 1", "left 2", "left 3"]
    assert list(lane.pods) == [first_pod(attempt_of("left 4"))]

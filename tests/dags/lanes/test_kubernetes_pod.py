"""The pod of a launch, held to the schemas of the Kubernetes API; what the ends of pods mean."""

from typing import Any

import kubernetes_validate
import pytest

from lanes.attempts.failures import Kind
from lanes.attempts.launch import LaunchError, Size
from lanes.kubernetes.launch import PodLaunch, resources
from lanes.kubernetes.names import labels, selector
from lanes.kubernetes.verdict import deleted, never_starts, of_pod
from tests.dags.lanes.conftest import COMMON

# Those that EKS offers with standard support and one beyond.
VERSIONS = ("1.32.0", "1.33.0", "1.34.0", "1.35.0")


@pytest.fixture
def launch(attempt) -> PodLaunch:
    return make(attempt)


def make(attempt, **changes: Any) -> PodLaunch:
    given = {
        **COMMON,
        "attempt": attempt,
        "tags": {"tasklane:run": attempt.run_id},
        "log_group": "",
        "cluster": "data",
        "namespace": "tasklane-dev",
        "service_account": "related-articles",
        "image": "111122223333.dkr.ecr.eu-central-1.amazonaws.com/tasklane-dev/related_articles@sha256:" + "0" * 64,
        "container": "related_articles",
        "stop_timeout_seconds": 30,
        "variables": {"TASKLANE_TABLE_ARTICLES": "tasklane-dev-articles"},
        "environment_name": "dev",
        "result_uri": "s3://data/runs/x.json",
    }
    return PodLaunch(**{**given, **changes})


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schema_of_each_version_takes_the_pod_of_each_size(launch: PodLaunch, version: str) -> None:
    for size in launch.sizes:
        kubernetes_validate.validate(launch.pod(0, size), version, strict=True)


def test_the_schema_would_refuse_a_field_that_is_none(launch: PodLaunch) -> None:
    pod = launch.pod(0, launch.sizes[0])
    pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFileSystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, VERSIONS[0], strict=True)


def test_what_the_policy_restricted_demands_and_more(launch: PodLaunch) -> None:
    """Kubernetes documentation, "Pod Security Standards", Restricted."""
    spec = launch.pod(0, launch.sizes[1])["spec"]
    [container] = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert [list(volume) for volume in spec["volumes"]] == [["name", "emptyDir"]]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == "related-articles"
    assert spec["restartPolicy"] == "Never"
    assert spec["activeDeadlineSeconds"] == 7200 + 3600


def test_sizes_are_requests_and_limits(launch: PodLaunch) -> None:
    assert resources(Size("batch", 1024, 2048, 20)) == {
        "requests": {"cpu": "1000m", "memory": "2048Mi", "ephemeral-storage": "2Gi"},
        "limits": {"cpu": "1000m", "memory": "2048Mi", "ephemeral-storage": "20Gi"},
    }
    large = resources(Size("batch_large", 2048, 8192, 50))
    assert large["requests"] == large["limits"] == {"cpu": "2000m", "memory": "8192Mi", "ephemeral-storage": "50Gi"}


def test_a_pod_has_one_name_per_launch_and_its_labels_find_it(launch: PodLaunch, attempt) -> None:
    first, again, second = (launch.pod(number, launch.sizes[0])["metadata"] for number in (0, 0, 1))
    assert first["name"] == again["name"] != second["name"]
    assert len(first["name"]) <= 63
    assert first["labels"] == second["labels"] == labels("dev", attempt)
    assert all(len(value) <= 63 for value in first["labels"].values())
    assert all(f"{name}={first['labels'][name]}" for name in ("tasklane/environment", "tasklane/task-instance"))
    assert selector("dev", attempt).split(",")[0] == "tasklane/environment=dev"


def test_the_program_is_told_what_it_is_told_elsewhere(launch: PodLaunch) -> None:
    [container] = launch.pod(3, launch.sizes[0])["spec"]["containers"]
    told = {pair["name"]: pair["value"] for pair in container["env"]}
    assert told["TASKLANE_LAUNCH"] == "3"
    assert told["TASKLANE_RESULT_URI"] == "s3://data/runs/x.json"
    assert told["TASKLANE_TABLE_ARTICLES"] == "tasklane-dev-articles"
    assert told["TMPDIR"] == "/scratch"
    assert told["AWS_REGION"] == told["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert container["args"] == ["analyze-batch", "--batch", "0"]


def test_spot_is_the_clusters_to_decide(attempt) -> None:
    with pytest.raises(LaunchError, match="the cluster decides on which nodes pods run; leave it out"):
        make(attempt, capacity="spot").check()


def ended(code: int | None, word: str = "Error", **status: Any) -> dict[str, Any]:
    """A failed pod: exit code and reason of its container, and what its status says besides."""
    state = {"terminated": {"exitCode": code, "reason": word}} if code is not None else {}
    return {"metadata": {}, "status": {"phase": "Failed", "containerStatuses": [{"state": state}], **status}}


DISRUPTED = [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "preempting"}]
FULL = 'Usage of EmptyDir volume "scratch" exceeds the limit "20Gi".'
ENDS = [
    (ended(1), Kind.ERROR, ""),
    (ended(2), Kind.INPUT, ""),
    (ended(137, "OOMKilled"), Kind.MEMORY, "OOMKilled"),
    (ended(128, "StartError"), Kind.START, "StartError"),
    (ended(None, reason="Evicted", message="The node was low on resource: memory."), Kind.SPOT, "low on resource"),
    (ended(143, conditions=DISRUPTED), Kind.SPOT, "PreemptionByScheduler: preempting"),
    (ended(None, reason="DeadlineExceeded", message="Pod was active too long"), Kind.TIMEOUT, "too long"),
    (ended(137, reason="Evicted", message=FULL), Kind.ERROR, "more than its size has disk"),
    ({**ended(143), "metadata": {"deletionTimestamp": "2026-11-20T12:00:00Z"}}, Kind.SPOT, "deleted the pod"),
    (ended(None, reason="UnexpectedAdmissionError", message="no"), Kind.START, "UnexpectedAdmissionError: no"),
]


@pytest.mark.parametrize(("pod", "kind", "words"), ENDS)
def test_classes_of_ends(pod: dict[str, Any], kind: Kind, words: str) -> None:
    failure = of_pod(pod, stop_reason="", attempt_id="a")
    assert failure is not None
    assert failure.kind is kind
    assert words in failure.reason
    terminated = pod["status"]["containerStatuses"][0]["state"].get("terminated", {})
    assert failure.exit_code == terminated.get("exitCode")
    assert of_pod({"status": {"phase": "Succeeded"}}, stop_reason="", attempt_id="a") is None


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"status": {"phase": "Pending", "containerStatuses": [{"state": state}]}}


def test_pods_that_never_start() -> None:
    backing_off = waiting("ImagePullBackOff", 'Back-off pulling image "x"')
    assert never_starts(backing_off, 10) is None  # a registry may be down for a moment
    late = never_starts(backing_off, 301)
    assert late is not None
    assert late.headline == 'image: ImagePullBackOff: Back-off pulling image "x"'
    wrong = never_starts(waiting("InvalidImageName"), 1)
    assert wrong is not None
    assert wrong.kind is Kind.IMAGE
    assert never_starts(waiting("ContainerCreating"), 1000) is None
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    pending = {"status": {"phase": "Pending", "conditions": [unscheduled]}}
    assert never_starts(pending, 290) is None
    full = never_starts(pending, 301)  # and again, six times in all
    assert full is not None
    assert full.headline == "capacity: no node takes the pod: 0/3 nodes"


def test_a_pod_that_is_gone_was_deleted_or_had_ended() -> None:
    running = {"metadata": {"name": "a"}, "status": {"phase": "Running"}}
    failure = of_pod(deleted(running), stop_reason="", attempt_id="a")
    assert failure is not None
    assert failure.kind is Kind.SPOT
    stopped = of_pod(deleted(running), stop_reason="tasklane a try 1: timeout after 5 s", attempt_id="a")
    assert stopped is not None
    assert stopped.kind is Kind.TIMEOUT
    succeeded = {"metadata": {"name": "a"}, "status": {"phase": "Succeeded"}}
    assert of_pod(deleted(succeeded), stop_reason="", attempt_id="a") is None

"""The order to Kubernetes: a pod."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from lanes.attempts.identity import Attempt
from lanes.attempts.lane_request import lane_request
from lanes.attempts.launch import Launch, LaunchError, Size
from lanes.kubernetes.names import labels, pod_name
from platform_spec.containers import SCRATCH, USER
from platform_spec.fargate import FREE_STORAGE_GIB

if TYPE_CHECKING:
    from lanes.kubernetes.operator import RunInPod
    from platform_spec.manifest import Manifest

_ARCHITECTURES = {"arm64": "arm64", "x86_64": "amd64"}
# For a node to come and an image to be pulled; then the cluster itself ends a pod that no triggerer watches.
START_PATIENCE_SECONDS = 3600
# Of a size that asks for no more disk than every size has: what the scheduler sets aside on the node.
_LITTLE_DISK = "2Gi"


@dataclass(frozen=True, kw_only=True)
class PodLaunch(Launch):
    """One attempt's order to a cluster. `variables` are those of the task, whoever calls it."""

    host: ClassVar[str] = "cluster"

    cluster: str
    namespace: str
    service_account: str
    image: str
    container: str
    stop_timeout_seconds: int
    variables: dict[str, str] = field(default_factory=dict)

    def pod(self, launch: int, size: Size) -> dict[str, Any]:
        """The pod of launch number `launch` (0 = first), as the namespace's policy "restricted" demands it."""
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": pod_name(self.attempt, launch),
                "namespace": self.namespace,
                "labels": labels(self.environment_name, self.attempt),
                "annotations": {
                    **{key.replace(":", "/"): value for key, value in self.tags.items()},
                    # Neither moved to another node nor taken for room's sake while it works.
                    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
                    "karpenter.sh/do-not-disrupt": "true",
                },
            },
            "spec": {
                "restartPolicy": "Never",  # the trigger decides what comes after a failure
                "activeDeadlineSeconds": ceil(self.timeout_seconds) + START_PATIENCE_SECONDS,
                "terminationGracePeriodSeconds": self.stop_timeout_seconds,
                "serviceAccountName": self.service_account,
                # EKS gives the pod a token for its role; one for the cluster itself it does not need.
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "nodeSelector": {"kubernetes.io/os": "linux", "kubernetes.io/arch": _ARCHITECTURES[self.architecture]},
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": int(USER),
                    "runAsGroup": int(USER),
                    "fsGroup": int(USER),  # may read the token of its role
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": f"{size.storage_gib}Gi"}}],
                "containers": [self._container(launch, size)],
            },
        }

    def _container(self, launch: int, size: Size) -> dict[str, Any]:
        region = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}  # boto3 knows the second alone
        own = {**self.variables, **region, "HOME": SCRATCH, "TMPDIR": SCRATCH}
        fixed = [{"name": name, "value": value} for name, value in sorted(own.items())]
        return {
            "name": self.container.replace("_", "-"),
            "image": self.image,
            "args": self.command,
            "env": [*fixed, *self.container_environment(launch)],
            "resources": resources(size),
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "privileged": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [{"name": "scratch", "mountPath": SCRATCH}],
        }

    def console_url(self, arn: str) -> str:
        return (
            f"https://{self.region}.console.aws.amazon.com/eks/clusters/{quote(self.cluster, safe='')}/pods/{arn}"
            f"?namespace={self.namespace}&region={self.region}"
        )

    def check(self) -> None:
        super().check()
        if self.capacity != "on_demand":
            raise LaunchError(
                f"{self.where}: capacity {self.capacity!r}: the cluster decides on which nodes pods run; leave it out"
            )


def resources(size: Size) -> dict[str, dict[str, str]]:
    """Requests are limits for CPU and memory, so that no neighbour is pushed out and none pushes."""
    cpu_and_memory = {"cpu": f"{size.cpu_units * 1000 // 1024}m", "memory": f"{size.memory_mib}Mi"}
    disk = f"{size.storage_gib}Gi"
    set_aside = disk if size.storage_gib > FREE_STORAGE_GIB else _LITTLE_DISK
    return {
        "requests": {**cpu_and_memory, "ephemeral-storage": set_aside},
        "limits": {**cpu_and_memory, "ephemeral-storage": disk},
    }


def launch_of(task: RunInPod, attempt: Attempt, manifest: Manifest) -> PodLaunch:
    """Everything the cluster needs for one attempt at `task`. Raises LaunchError for what the lane does not offer."""
    lane, where = manifest.task(task.name), manifest.kubernetes
    if where is None:  # the operator looks when the DAG is parsed: the manifest has changed since
        raise LaunchError(f"task {task.task_id!r}: {manifest.environment} has no table [kubernetes] any more")
    return PodLaunch(
        **lane_request(task, attempt, manifest),
        cluster=where.cluster,
        namespace=where.namespace,
        service_account=lane.service_account,
        image=lane.image,
        container=lane.container,
        stop_timeout_seconds=lane.stop_timeout_seconds,
        variables=lane.variables,
    )

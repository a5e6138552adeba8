"""The trigger of RunInPod."""

from __future__ import annotations

from typing import Any, ClassVar

from lanes.attempts.trigger import LaneTrigger
from lanes.aws.shared import Shared
from lanes.kubernetes.calls import call
from lanes.kubernetes.cluster import Cluster
from lanes.kubernetes.engine import KubernetesEngine
from lanes.kubernetes.launch import PodLaunch
from lanes.kubernetes.log import PodLog
from lanes.kubernetes.poller import PodPoller


class RunInPodTrigger(LaneTrigger):
    launch_class: ClassVar[type[PodLaunch]] = PodLaunch
    launch: PodLaunch

    def engine(self, ours: Shared) -> KubernetesEngine:
        cluster, where = self._cluster(ours), f"{self.launch.cluster}/{self.launch.namespace}"
        poller = ours.poller(
            f"pods of {where}",
            lambda: PodPoller(ours.calls, cluster, self.launch.namespace, self.launch.environment_name),
        )
        return KubernetesEngine(self.launch, ours.calls, cluster, poller)

    def logs(self, ours: Shared) -> PodLog:
        cluster, namespace = self._cluster(ours), self.launch.namespace

        async def read(pod: str, seconds: int | None) -> str:
            which: dict[str, Any] = {"name": pod, "namespace": namespace, "timestamps": True}
            if seconds is not None:
                which["since_seconds"] = seconds
            return str(await call(cluster, "read_namespaced_pod_log", **which))

        return ours.kept(f"log of {self.launch.cluster}/{namespace}", lambda: PodLog(read))

    def _cluster(self, ours: Shared) -> Cluster:
        launch = self.launch
        return ours.kept(f"cluster {launch.cluster}", lambda: Cluster(launch.cluster, launch.region))

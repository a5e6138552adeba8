"""Descriptions of pods, for all attempts of this process: one list of the deployment's pods per round."""

from __future__ import annotations

from lanes.aws.calls import AwsCalls
from lanes.aws.poller import Description, Poller
from lanes.kubernetes.calls import call
from lanes.kubernetes.cluster import Cluster
from lanes.kubernetes.names import selector


class PodPoller(Poller):
    budget = "list_pods"

    def __init__(self, calls: AwsCalls, cluster: Cluster, namespace: str, environment: str) -> None:
        super().__init__(calls)
        self._cluster, self._namespace, self._selector = cluster, namespace, selector(environment)

    async def _describe(self, arns: list[str]) -> dict[str, Description | None]:
        listed = await call(
            lambda **named: self._cluster.core().list_namespaced_pod(self._namespace, **named),
            label_selector=self._selector,
        )
        known = {pod["metadata"]["name"]: pod for pod in listed["items"]}
        return {name: known.get(name) for name in arns}


class WatchedPods:
    """The poller as one attempt sees it: a pod that it had deleted is not unknown, it has ended."""

    def __init__(self, shared: PodPoller, stops: dict[str, str]) -> None:
        self._shared, self._stops = shared, stops
        self._last: dict[str, Description] = {}

    @property
    def watched(self) -> int:
        return self._shared.watched

    @watched.setter
    def watched(self, number: int) -> None:
        self._shared.watched = number

    async def next(self, arn: str) -> Description | None:
        pod = await self._shared.next(arn)
        if pod is None and arn in self._stops:
            gone = self._last.get(arn, {"metadata": {"name": arn}, "status": {}})
            return {**gone, "status": {**gone["status"], "phase": "Failed"}}
        if pod is not None:
            self._last[arn] = pod
        return pod

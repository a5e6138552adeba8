"""Descriptions of pods, for all attempts of this process: one list of the deployment's pods per round."""

from __future__ import annotations

from lanes.aws.calls import AwsCalls
from lanes.aws.poller import Description, Poller
from lanes.kubernetes.calls import call
from lanes.kubernetes.cluster import Cluster
from lanes.kubernetes.names import selector
from lanes.kubernetes.verdict import deleted


class PodPoller(Poller):
    budget = "list_pods"

    def __init__(self, calls: AwsCalls, cluster: Cluster, namespace: str, environment: str) -> None:
        super().__init__(calls)
        self._cluster, self._namespace, self._selector = cluster, namespace, selector(environment)

    async def _describe(self, arns: list[str]) -> dict[str, Description | None]:
        listed = await call(
            self._cluster, "list_namespaced_pod", namespace=self._namespace, label_selector=self._selector
        )
        known = {pod["metadata"]["name"]: pod for pod in listed["items"]}
        return {name: known.get(name) for name in arns}


class WatchedPods:
    """The poller as one attempt sees it: a pod that was there and is not any more has ended."""

    def __init__(self, shared: PodPoller) -> None:
        self._shared = shared
        self._last: dict[str, Description] = {}

    @property
    def watched(self) -> int:
        return self._shared.watched

    @watched.setter
    def watched(self, number: int) -> None:
        self._shared.watched = number

    async def next(self, arn: str) -> Description | None:
        pod = await self._shared.next(arn)
        if pod is not None:
            self._last[arn] = pod
        elif arn in self._last:
            return deleted(self._last[arn])
        return pod

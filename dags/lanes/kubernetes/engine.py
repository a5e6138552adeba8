"""An attempt's way to its pods: create, list, delete."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from lanes.attempts.engine import Description, Seen
from lanes.attempts.failures import Failure, Kind
from lanes.attempts.steps import Found, Step
from lanes.aws.calls import AwsCalls, CallRefused
from lanes.kubernetes.calls import AlreadyThere, NotThere, call
from lanes.kubernetes.cluster import Cluster
from lanes.kubernetes.launch import PodLaunch, resources
from lanes.kubernetes.names import STOPPED_REASON, pod_name, selector, stopped_because
from lanes.kubernetes.poller import PodPoller, WatchedPods
from lanes.kubernetes.verdict import ENDED, moment, never_starts, of_pod, state_of

log = logging.getLogger(__name__)

# For a delete at most: whoever ends a task does not wait longer, and the reaper comes after.
_STOP_PATIENCE_SECONDS = 60.0


class KubernetesEngine:
    look_first = True  # another triggerer, or an earlier attempt, may have made a pod

    def __init__(self, launch: PodLaunch, calls: AwsCalls, cluster: Cluster, pods: PodPoller) -> None:
        self._launch = launch
        self.calls = calls
        self._cluster = cluster
        self._stops: dict[str, str] = {}
        self.poller = WatchedPods(pods)

    async def find(self) -> list[Found]:
        wanted = selector(self._launch.environment_name, self._launch.attempt)
        listed = await self._call("list_namespaced_pod", label_selector=wanted)
        return [self._found(pod) for pod in listed["items"]]

    async def start(self, step: Step) -> str:
        """The pod's name; one of this name is this launch's, whoever made it."""
        name = pod_name(self._launch.attempt, step.number)
        try:
            await self._call("create_namespaced_pod", body=self._launch.pod(step.number, self._launch.sizes[step.size]))
        except AlreadyThere:
            return name
        except NotThere as error:
            missing = f"{error}; make it: `tasklane kubernetes objects --env <environment> | kubectl apply -f -`"
            raise CallRefused(Failure(Kind.REFUSED, missing)) from error
        return name

    def read(self, description: Description) -> Seen:
        pod, status = description, description["status"]
        phase, state = status.get("phase", "Pending"), state_of(description)
        ended, made_at = phase in ENDED, moment(pod["metadata"].get("creationTimestamp"))
        ran = state.get("running") or state.get("terminated") or {}
        started_at = moment(ran.get("startedAt"))
        return Seen(
            arn=pod["metadata"]["name"],
            status=phase,
            ended=ended,
            failure=self._failure(pod) if ended else None,
            log_stream=pod["metadata"]["name"] if started_at else None,
            created_at=made_at,
            started_at=started_at,
            stopped_at=moment(ran.get("finishedAt")),
            stuck=None if ended or started_at or made_at is None else never_starts(pod, _seconds_since(made_at)),
        )

    async def stop(self, arn: str, reason: str) -> None:
        """SIGTERM, and SIGKILL after the task's stop_timeout_seconds; then the pod is gone."""
        self._stops[arn] = reason
        which = {"name": arn, "patience": _STOP_PATIENCE_SECONDS}
        try:
            await self._explain(reason, which)
            await self._call("delete_namespaced_pod", **which, grace_period_seconds=self._launch.stop_timeout_seconds)
        except NotThere:
            return

    async def _explain(self, reason: str, which: dict[str, Any]) -> None:
        """For another triggerer that comes meanwhile. This one knows, so a pod is not kept for want of the right."""
        try:
            await self._call("patch_namespaced_pod", **which, body=stopped_because(reason))
        except CallRefused as refused:
            log.warning("%s is not told why it is stopped: %s", which["name"], refused)

    async def _call(self, method: str, **named: Any) -> Any:
        return await call(self._cluster, method, namespace=self._launch.namespace, **named)

    def _failure(self, pod: Description) -> Failure | None:
        told = pod["metadata"].get("annotations") or {}
        reason = self._stops.get(pod["metadata"]["name"]) or told.get(STOPPED_REASON, "")
        return of_pod(pod, stop_reason=reason, attempt_id=self._launch.attempt.attempt_id)

    def _found(self, pod: Description) -> Found:
        [container], phase = pod["spec"]["containers"], pod["status"].get("phase", "Pending")
        sizes = [resources(size)["limits"]["memory"] for size in self._launch.sizes]
        limit, created = container["resources"]["limits"]["memory"], moment(pod["metadata"]["creationTimestamp"])
        return Found.told(
            {pair["name"]: pair.get("value", "") for pair in container.get("env", [])},
            arn=pod["metadata"]["name"],
            created_at=created.timestamp() if created else 0.0,
            size=sizes.index(limit) if limit in sizes else 0,
            spot=False,
            running=phase not in ENDED and not pod["metadata"].get("deletionTimestamp"),
            succeeded=phase == "Succeeded",
        )


def _seconds_since(moment: dt.datetime) -> float:
    return (dt.datetime.now(dt.UTC) - moment).total_seconds()

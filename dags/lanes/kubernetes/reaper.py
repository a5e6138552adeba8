"""What is left in a cluster: pods that ended are removed after a while, those without a task are deleted."""

from __future__ import annotations

import datetime as dt
import json
import logging
from typing import Any

from lanes.attempts.reaper import AskStates, Container, reap, told
from lanes.kubernetes.cluster import Cluster
from lanes.kubernetes.names import selector, stopped_because
from lanes.kubernetes.verdict import ENDED, moment, state_of

log = logging.getLogger(__name__)

# An attempt may still come that finds its pod ended and takes over its result; ECS keeps tasks as long.
KEPT = dt.timedelta(hours=1)
PODS_PER_CALL = 500


def reap_cluster(
    cluster: Cluster, namespace: str, environment: str, ask: AskStates, now: dt.datetime
) -> list[dict[str, str]]:
    """Delete what has no task; what was deleted. Ended pods go after an hour."""
    core = cluster.core()
    pods = _pods(core, namespace, selector(environment))
    for pod in pods:
        ended_at = moment(state_of(pod).get("terminated", {}).get("finishedAt")) or moment(
            pod["metadata"]["creationTimestamp"]
        )
        if pod["status"].get("phase") in ENDED and ended_at and now - ended_at > KEPT:
            _delete(core, namespace, pod["metadata"]["name"])
    running = [found for pod in pods if pod["status"].get("phase") not in ENDED and (found := _container(pod))]
    return reap(running, lambda name, why: _stop(core, namespace, name, why), ask, now)


def _pods(core: Any, namespace: str, wanted: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while True:
        answer = core.list_namespaced_pod(
            namespace, label_selector=wanted, limit=PODS_PER_CALL, _preload_content=False, **more
        )
        page = json.loads(answer.data)
        found += page["items"]
        token = page["metadata"].get("continue")
        if not token:
            return found
        more = {"_continue": token}


def _container(pod: dict[str, Any]) -> Container | None:
    environment = {pair["name"]: pair.get("value", "") for pair in pod["spec"]["containers"][0].get("env", [])}
    created = moment(pod["metadata"]["creationTimestamp"])
    return told(pod["metadata"]["name"], environment, created) if created else None


def _stop(core: Any, namespace: str, name: str, why: str) -> None:
    from kubernetes.client import ApiException

    try:
        core.patch_namespaced_pod(name, namespace, stopped_because(why), _preload_content=False)
    except ApiException as error:
        if error.status != 404:  # it is deleted all the same
            log.warning("pod %s is not told why it is stopped: %s", name, error.body)
    _delete(core, namespace, name)


def _delete(core: Any, namespace: str, name: str) -> None:
    from kubernetes.client import ApiException

    try:
        core.delete_namespaced_pod(name, namespace, _preload_content=False)
    except ApiException as error:
        if error.status != 404:
            raise
        log.debug("pod %s has gone meanwhile", name)

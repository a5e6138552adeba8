"""What the end of a pod means, or that it will never start. Pure.

Source: Kubernetes documentation, "Pod Lifecycle", "Disruptions" (pod disruption conditions), "Node-pressure Eviction",
"Images"; the reasons are those of kubelet and scheduler.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from lanes.attempts.failures import EXIT_BAD_INPUT, Failure, Kind, stopped_by_us
from lanes.attempts.steps import MOST_RELAUNCHES

ENDED = ("Succeeded", "Failed")
_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
_NO_START = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_NEVER_RAN = (*_NO_START, "ContainerCannotRun", "StartError")
# An image may come late (a registry that is down for a moment): kubelet tries again every few minutes.
IMAGE_PATIENCE_SECONDS = 300.0
# A pod that no node takes is made anew, as often as one that is taken away: half an hour in all.
CAPACITY_PATIENCE_SECONDS = 1800.0 / (MOST_RELAUNCHES + 1)
# The pod's own doing, though the kubelet calls it an eviction.
_OWN_DISK = ("storage usage exceeds", "ephemeral storage limit", "Usage of EmptyDir volume")

Pod = dict[str, Any]


def of_pod(pod: Pod, *, stop_reason: str, attempt_id: str) -> Failure | None:
    """The verdict on a pod that ended; None is success. `stop_reason`: why this deployment stopped it."""
    status, ended = pod["status"], state_of(pod).get("terminated", {})
    code = ended.get("exitCode")
    if status.get("phase") == "Succeeded":
        return None
    if stop_reason:
        return stopped_by_us(stop_reason, attempt_id, code)
    why = ": ".join(text for text in (status.get("reason"), status.get("message")) if text)
    if status.get("reason") == "DeadlineExceeded":
        return Failure(Kind.TIMEOUT, why, code)
    if any(text in why for text in _OWN_DISK):
        return Failure(Kind.ERROR, f"it wrote more than its size has disk: {why}", code)
    if disrupted := _disruption(pod, why):
        return Failure(Kind.SPOT, disrupted, code)
    if ended.get("reason") == "OOMKilled":
        return Failure(Kind.MEMORY, "OOMKilled: it needed more than its size has memory", code)
    if ended.get("reason") in _NEVER_RAN:
        return Failure(Kind.START, f"{ended['reason']}: {ended.get('message', '')}".rstrip(": "), code)
    if pod["metadata"].get("deletionTimestamp"):
        return Failure(Kind.SPOT, "a person or another program deleted the pod", code)
    if code is None:
        return Failure(Kind.START, why or "the pod failed before its container started")
    return Failure(Kind.INPUT if code == EXIT_BAD_INPUT else Kind.ERROR, why, code)


def never_starts(pod: Pod, waited_seconds: float) -> Failure | None:
    """A pod that waits for what will not come; the words are those of kubelet and scheduler."""
    waiting = state_of(pod).get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    said = f"{reason}: {message}".rstrip(": ")
    if reason == "InvalidImageName" or (reason in _NO_IMAGE and waited_seconds > IMAGE_PATIENCE_SECONDS):
        return Failure(Kind.IMAGE, said)
    if reason in _NO_START and waited_seconds > IMAGE_PATIENCE_SECONDS:
        return Failure(Kind.START, said)
    unscheduled = _condition(pod, "PodScheduled")
    if unscheduled.get("reason") == "Unschedulable" and waited_seconds > CAPACITY_PATIENCE_SECONDS:
        return Failure(Kind.CAPACITY, f"no node takes the pod: {unscheduled.get('message', '')}")
    return None


def deleted(last: Pod) -> Pod:
    """A pod that the cluster has forgotten, from how it was seen last: nobody knows how it ended."""
    if last["status"].get("phase") in ENDED:
        return last
    when = last["metadata"].get("deletionTimestamp") or dt.datetime.now(dt.UTC).isoformat()
    return {
        **last,
        "metadata": {**last["metadata"], "deletionTimestamp": when},
        "status": {**last["status"], "phase": "Failed"},
    }


def state_of(pod: Pod) -> dict[str, Any]:
    """The state of its container: {"waiting" | "running" | "terminated": {...}}, or {}."""
    statuses = pod["status"].get("containerStatuses") or [{}]
    return dict(statuses[0].get("state") or {})


def moment(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _disruption(pod: Pod, why: str) -> str:
    """Why somebody took the pod's place, or the node went; empty for a pod that ended by itself."""
    target = _condition(pod, "DisruptionTarget")
    if target.get("status") == "True":
        return ": ".join(text for text in (target.get("reason"), target.get("message") or why) if text)
    return why if pod["status"].get("reason") in ("Evicted", "NodeLost", "Shutdown", "Terminated", "Preempting") else ""


def _condition(pod: Pod, kind: str) -> dict[str, Any]:
    found = (one for one in pod["status"].get("conditions") or [] if one.get("type") == kind)
    return next(found, {})

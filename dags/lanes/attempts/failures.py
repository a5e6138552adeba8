"""What went wrong, in one word, and what is to be done about it.

Texts and codes are those of the ECS API reference (RunTask, "API failure reasons") and of the developer guide ("Stopped
tasks error messages"). Pure: no AWS client, no Airflow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lanes.attempts.identity import OURS


class Kind(StrEnum):
    """The class of a failure: the first word that a person reads."""

    CAPACITY = "capacity"  # AWS has no room, or the account's quota is used up
    THROTTLE = "throttle"  # AWS asks us to slow down, or fails itself (5xx, no answer)
    SPOT = "spot"  # AWS took the machine back
    MEMORY = "memory"  # killed for using more than its size
    IMAGE = "image"  # the image cannot be pulled
    START = "start"  # network interface, secrets, roles, entry point
    INPUT = "input"  # exit code 2: a person must look at the input
    ERROR = "error"  # any other exit code
    RESULT = "result"  # exit code 0, but no valid result document
    TIMEOUT = "timeout"  # ran longer than task.toml allows
    STOPPED = "stopped"  # stopped by a person or by another program
    LOST = "lost"  # ECS does not know the container any more
    REFUSED = "refused"  # AWS refused the request: rights, names, parameters
    INTERNAL = "internal"  # a fault of ours


# A retry by Airflow cannot help: the same input or the same request fails the same way.
NOT_RETRIED = frozenset({Kind.INPUT, Kind.REFUSED})
# Answered inside the attempt with another container.
RELAUNCHED = frozenset({Kind.CAPACITY, Kind.SPOT, Kind.MEMORY})

EXIT_BAD_INPUT = 2
EXIT_KILLED = 137  # 128 + SIGKILL: what Fargate shows for out of memory

_CAPACITY = re.compile(
    r"^RESOURCE:|^AGENT$|capacity is unavailable|insufficient capacity|you.?ve reached the limit|"
    r"no container instances were found|limit on the number of (tasks|vcpus)",
    re.IGNORECASE,
)
_IMAGE = re.compile(r"CannotPull|pull image manifest|failed to resolve ref|manifest unknown", re.IGNORECASE)
_HOST_GONE = re.compile(r"Host EC2 \(instance .+?\) (stopped|terminated)|spot.*(interrupt|terminat)", re.IGNORECASE)


# What a stop of ours may say as its cause; anything else is somebody's wish.
_OUR_CAUSES = (Kind.TIMEOUT, Kind.REFUSED, Kind.CAPACITY, Kind.IMAGE, Kind.START)


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed. `reason` is AWS's own text where there is one."""

    kind: Kind
    reason: str
    exit_code: int | None = None

    @property
    def headline(self) -> str:
        code = "" if self.exit_code is None else f"exit code {self.exit_code}: "
        return f"{self.kind}: {code}{self.reason}"


def of_text(message: str) -> Kind:
    """The class of an error that AWS reported in words only: no room, or refused."""
    return Kind.CAPACITY if _CAPACITY.search(message) else Kind.REFUSED


def of_run_task(failures: list[dict[str, Any]]) -> Failure:
    """RunTask answered, but started nothing."""
    reason = "; ".join(f"{f.get('reason', '')} {f.get('detail', '')}".strip() for f in failures) or "no task, no reason"
    return Failure(of_text(reason), f"RunTask started nothing: {reason}")


def of_stopped(task: dict[str, Any], container_name: str, attempt_id: str) -> Failure | None:
    """The verdict on a stopped task as DescribeTasks gives it.

    None is success: exit code 0, also where a stop came meanwhile. Nobody but the container knows whether its work was
    done by then; one that gives up on SIGTERM must say so by another exit code.
    """
    container: dict[str, Any] = next((c for c in task.get("containers", []) if c.get("name") == container_name), {})
    exit_code = container.get("exitCode")
    stop_code, stopped = task.get("stopCode", ""), task.get("stoppedReason", "")
    reason = "; ".join(text for text in (stopped, container.get("reason", "")) if text) or "no reason given"
    if exit_code == 0:
        return None
    if stopped.startswith(f"{OURS} "):
        return stopped_by_us(stopped, attempt_id, exit_code)
    if stop_code in ("SpotInterruption", "TerminationNotice") or is_host_gone(reason):
        return Failure(Kind.SPOT, reason, exit_code)
    if stop_code == "UserInitiated":
        return Failure(Kind.STOPPED, f"stopped by a person or another program: {reason}", exit_code)
    if "OutOfMemory" in reason or exit_code == EXIT_KILLED:
        return Failure(Kind.MEMORY, reason, exit_code)
    if exit_code is None:
        return Failure(kind_of_start(reason), reason)
    if exit_code == EXIT_BAD_INPUT:
        return Failure(Kind.INPUT, reason, exit_code)
    return Failure(Kind.ERROR, reason, exit_code)


def is_host_gone(reason: str) -> bool:
    """Whether AWS took the machine away."""
    return bool(_HOST_GONE.search(reason))


def kind_of_start(reason: str) -> Kind:
    """The class of a container that never started."""
    if _CAPACITY.search(reason):
        return Kind.CAPACITY
    return Kind.IMAGE if _IMAGE.search(reason) else Kind.START


def stopped_by_us(reason: str, attempt_id: str, exit_code: int | None) -> Failure:
    """Stopped by this attempt (timeout, kill), or by an earlier one whose kill came late: then AWS took it from us."""
    if f" {attempt_id} " not in f"{reason} ":
        return Failure(Kind.SPOT, f"stopped by an earlier attempt that was killed: {reason}", exit_code)
    cause = next((kind for kind in _OUR_CAUSES if f": {kind}" in reason), Kind.STOPPED)
    return Failure(cause, reason, exit_code)

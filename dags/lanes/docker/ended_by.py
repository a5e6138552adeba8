"""Who ended a container with SIGKILL: somebody who asked the engine for it, or the kernel, for want of memory.

The engine's record does not say it: with cgroups of version 1 OOMKilled stays false every second time with Docker 20.10
(the group is gone before its notice was read), and always with Podman 4.3, whose events are as often not told.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import APIClient

_ASKED = {"kill", "stop"}


def ended_by_kernel(client: APIClient, container: str, started_at: float) -> bool:
    """Whether Docker saw it die and was not asked to end it; True for Podman, which cannot be asked.

    False where it does not remember: it keeps 256 events, and none over a restart, at which it kills containers.
    """
    if any("podman" in str(part.get("Name", "")).lower() for part in client.version().get("Components") or []):
        return True
    of_it = {"container": container, "event": ["die", *_ASKED]}
    events = client.events(since=_stamp(started_at), until=_stamp(time.time()), filters=of_it, decode=True)
    actions = {event["Action"] for event in events}
    return "die" in actions and not actions & _ASKED


def _stamp(seconds: float) -> str:
    return f"{seconds:.9f}"

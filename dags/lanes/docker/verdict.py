"""What the end of a container means, from the engine's own record of it. Pure.

Source: Docker Engine API, "Inspect a container": State. Podman speaks the same API.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from lanes.attempts.failures import EXIT_BAD_INPUT, EXIT_KILLED, Failure, Kind, stopped_by_us

ENDED = ("exited", "stopped", "dead")
GOING = "removing"  # as good as gone; seen with Docker alone
_EXIT_TERMINATED = 143  # 128 + SIGTERM


def of_state(
    state: dict[str, Any], *, stop_reason: str, attempt_id: str, memory_mib: int, by_kernel: bool
) -> Failure | None:
    """The verdict on a container that ended; None is success. `stop_reason`: what this process stopped it with.
    `by_kernel`: of one that was killed, what lanes.docker.ended_by found."""
    code = int(state.get("ExitCode", 0))
    if code == 0 and not state.get("Error"):
        return None
    if stop_reason:
        return stopped_by_us(stop_reason, attempt_id, code)
    if state.get("OOMKilled") or (code == EXIT_KILLED and by_kernel):
        return Failure(Kind.MEMORY, f"killed by the kernel: it needed more than its {memory_mib} MiB", code)
    if code in (EXIT_KILLED, _EXIT_TERMINATED):
        return Failure(Kind.STOPPED, "stopped by a person or another program of this machine", code)
    if error := state.get("Error"):
        return Failure(Kind.START, str(error), code)
    return Failure(Kind.INPUT if code == EXIT_BAD_INPUT else Kind.ERROR, "", code)


def killed_without_reason(state: dict[str, Any]) -> bool:
    """Whether its end asks for lanes.docker.ended_by."""
    return state["Status"] in ENDED and state.get("ExitCode") == EXIT_KILLED and not state.get("OOMKilled")


def moment(text: str | None) -> dt.datetime | None:
    """The engine's time; None for what has not happened yet (year 1)."""
    if not text or text.startswith("0001-"):
        return None
    return dt.datetime.fromisoformat(text)

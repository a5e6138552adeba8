"""A job, an array parent or an array child, while the emulator knows it.

Source: AWS Batch User Guide, "Job states" and "Array jobs"; API Reference, JobDetail. Times are milliseconds since the
epoch. Written by the agent's thread only, once it was handed over; read from any thread.
"""

import time
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
STATES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
ENDED = ("SUCCEEDED", "FAILED")


def now() -> int:
    """Milliseconds since the epoch."""
    return int(time.time() * 1000)


@dataclass
class Ending:
    """Why a running attempt is being stopped, and whether that is the end of the job."""

    reason: str
    final: bool = True


@dataclass(eq=False)
class Job:
    """`request` is what SubmitJob resolved to, shared by all children of an array."""

    id: str
    arn: str
    request: Json
    scope: tuple[str, str]  # account, Region
    parent: "Job | None" = None
    index: int | None = None
    children: list["Job"] = field(default_factory=list)
    status: str = "SUBMITTED"
    reason: str = ""
    created: int = field(default_factory=now)
    started: int = 0
    stopped: int = 0
    attempts: list[Json] = field(default_factory=list)
    attempt: Json = field(default_factory=dict)  # of the running or last one: taskArn, logStreamName, …
    ending: Ending | None = None
    ended_by: str = ""  # "isCancelled" or "isTerminated": somebody asked for its end
    counts: dict[str, int] = field(default_factory=dict)  # of an array's children, by status

    @property
    def size(self) -> int:
        """Children of an array parent, 0 for other jobs."""
        return int(self.request.get("size") or 0) if self.parent is None else 0

    @property
    def ended(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.status in ENDED

    def child(self, index: int) -> "Job":
        """A new child of an array."""
        return Job(f"{self.id}:{index}", f"{self.arn}:{index}", self.request, self.scope, self, index, status="PENDING")

    def spawn(self) -> None:
        """Make the children of an array parent."""
        self.children = [self.child(index) for index in range(self.size)]
        self.counts = dict.fromkeys(STATES, 0) | {"PENDING": self.size}

    def move(self, status: str, reason: str = "") -> None:
        """Go to a state; an array's counts follow."""
        if self.parent:
            self.parent.counts[self.status] -= 1
            self.parent.counts[status] += 1
        self.status = status
        if reason:
            self.reason = reason
        if status == "RUNNING":
            self.started = now()
        if status in ENDED:
            self.stopped = now()

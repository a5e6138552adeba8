"""What an attempt asks of its lane: the same questions to ECS, to AWS Batch, to a container engine, to Kubernetes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Protocol

from lanes.attempts.failures import Failure
from lanes.attempts.steps import Found, Step
from lanes.aws.calls import AwsCalls
from lanes.aws.logs import LogTail

Description = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """A container as AWS describes it now. `status` is AWS's own word; `failure` of one that ended well is None.

    `billed_from` is the moment from which AWS bills, where it is not the start.
    """

    arn: str
    status: str
    ended: bool
    failure: Failure | None = None
    log_stream: str | None = None
    created_at: dt.datetime | None = None
    started_at: dt.datetime | None = None
    stopped_at: dt.datetime | None = None
    billed_from: dt.datetime | None = None
    stuck: Failure | None = None  # it waits for what will not come
    waits_for: str = ""  # before its start: what for, in AWS's words, where it says so


class Poller(Protocol):
    """Hands out the next description of a container; `watched` counts those that are asked for again and again."""

    watched: int

    async def next(self, arn: str) -> Description | None:
        """Its description from a question asked after now; None when it is not known (any more)."""
        ...


class LogSource(Protocol):
    """Fills the tail of a container's log."""

    def follow(self, tail: LogTail) -> None:
        """The container runs: bring its lines from now on."""
        ...

    def leave(self, tail: LogTail) -> None:
        """Nobody wants the log any more."""
        ...

    async def finish(self, tail: LogTail) -> None:
        """The container has ended: bring and show the rest. What cannot be had is named; it never fails the task."""
        ...


class Engine(Protocol):
    """One attempt's way to its containers. Every method raises CallRefused when AWS's answer is final."""

    @property
    def calls(self) -> AwsCalls: ...

    @property
    def poller(self) -> Poller: ...

    @property
    def look_first(self) -> bool:
        """Whether there may be a container already, so that none may be started without a look."""
        ...

    async def find(self) -> list[Found]:
        """All containers of the task instance that AWS still knows."""
        ...

    async def start(self, step: Step) -> str:
        """The ARN (or id) of the container for this step; called again, it starts no second one."""
        ...

    def read(self, description: Description) -> Seen: ...

    async def stop(self, arn: str, reason: str) -> None: ...

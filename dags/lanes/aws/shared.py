"""What all triggers of one process have in common: clients, pollers, log readers, metrics."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from lanes.aws.calls import AwsCalls, make_clients
from lanes.aws.logs import LogReader
from lanes.aws.poller import Poller

P = TypeVar("P", bound=Poller)
T = TypeVar("T")


@dataclass
class Shared:
    """For one account and Region."""

    calls: AwsCalls
    _logs: dict[str, LogReader] = field(default_factory=dict)
    _pollers: dict[str, Any] = field(default_factory=dict)

    def reader(self, group: str) -> LogReader:
        """The one reader of a log group in this process."""
        return self._logs.setdefault(group, LogReader(self.calls, group))

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """The one thing of this name in this process."""
        if name not in self._pollers:
            self._pollers[name] = make()
        found: T = self._pollers[name]
        return found

    def poller(self, of: str, make: Callable[[], P]) -> P:
        """The one poller for a cluster, or for AWS Batch."""
        return self.kept(of, make)


# One set of clients and pollers per event loop (a triggerer has one), account and Region.
_shared: WeakKeyDictionary[Any, dict[tuple[str, str | None], asyncio.Task[Shared]]] = WeakKeyDictionary()


async def shared(region: str, aws_conn_id: str | None) -> Shared:
    """This process's clients and pollers; made once, however many triggers ask at the same time."""
    known = _shared.setdefault(asyncio.get_running_loop(), {})
    key = (region, aws_conn_id)
    if key not in known or (known[key].done() and known[key].exception() is not None):
        # An empty context: what boto3 logs meanwhile does not belong into the log of the task that came first.
        known[key] = asyncio.create_task(_make_shared(region, aws_conn_id), context=contextvars.Context())
    return await asyncio.shield(known[key])


async def _make_shared(region: str, aws_conn_id: str | None) -> Shared:
    return Shared(AwsCalls(await asyncio.to_thread(make_clients, region, aws_conn_id)))

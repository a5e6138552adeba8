"""The pods' lines from the API server, which asks the kubelet: looked into while they run, read out at the end."""

from __future__ import annotations

import asyncio
import contextvars
import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable

from lanes.aws.calls import CallRefused
from lanes.aws.logs import END_PATIENCE_SECONDS, LOOK_EVERY_SECONDS, LogTail
from lanes.kubernetes.calls import NotThere

log = logging.getLogger("lanes.container")

_LATE_SECONDS = 5  # by which the node's clock may be behind ours; lines known already are dropped


class PodLog:
    """`read(pod, seconds)` gives the lines of the last seconds with their times; None: all of them."""

    def __init__(self, read: Callable[[str, int | None], Awaitable[str]]) -> None:
        self._read_log = read
        self._running: set[LogTail] = set()
        self._looks: asyncio.Task[None] | None = None

    def follow(self, tail: LogTail) -> None:
        self._running.add(tail)
        if self._looks is None or self._looks.done():
            # An empty context: what is logged about the calls belongs to no task.
            self._looks = asyncio.create_task(self._look(), name="lanes-pod-logs", context=contextvars.Context())

    def leave(self, tail: LogTail) -> None:
        self._running.discard(tail)

    async def finish(self, tail: LogTail) -> None:
        self.leave(tail)
        try:
            async with asyncio.timeout(END_PATIENCE_SECONDS):
                await self._read(tail)
        except TimeoutError:
            tail.left_out = "the cluster did not answer in time"
        except NotThere:
            tail.left_out = "the pod is gone"
        except CallRefused as refused:
            tail.left_out = refused.failure.reason
        await tail.show()
        if tail.full:
            tail.left_out = tail.left_out or "only so many are shown"
        if tail.left_out:
            log.warning("lines after the first %d are left out here (%s): see the cluster's own log of pod %s",
                        tail.lines, tail.left_out, tail.stream)  # fmt: skip

    async def _look(self) -> None:
        while self._running:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            for tail in [tail for tail in self._running if tail.readable]:
                try:
                    await self._read(tail)
                except (NotThere, CallRefused) as error:
                    log.debug("log of pod %s not read now: %s", tail.stream, error)

    async def _read(self, tail: LogTail) -> None:
        begun = time.time()
        seconds = int(begun - tail.since / 1000) + _LATE_SECONDS if tail.lines else None
        tail.take(map(_event, (await self._read_log(tail.stream, seconds)).splitlines()))
        tail.read_until(int(begun * 1000))


def _event(line: str) -> dict[str, object]:
    """As CloudWatch gives it; a line is `2026-11-20T17:14:21.123456789Z text`, its time to the nanosecond its id."""
    stamp, _, text = line.partition(" ")
    try:
        milliseconds = int(dt.datetime.fromisoformat(stamp).timestamp() * 1000)
    except ValueError:
        milliseconds, text = int(time.time() * 1000), line
    return {"eventId": line, "timestamp": milliseconds, "message": text}

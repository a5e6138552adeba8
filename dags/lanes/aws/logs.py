"""The containers' log lines, brought into the Airflow tasks' logs: while they run, and complete at their end.

GetLogEvents takes one stream per call, 10-25 calls per second and account, and says that a stream is read to its end
only by one call more. FilterLogEvents takes 100 streams per call and says itself when nothing is left (no `nextToken`):
so one reader per log group reads for all containers of this process.
"""

from __future__ import annotations

import asyncio
import contextvars
import datetime as dt
import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import batched
from typing import Any

from lanes.aws.calls import AwsCalls, CallRefused

log = logging.getLogger("lanes.container")

LOOK_EVERY_SECONDS = 10.0
GATHER_SECONDS = 0.5  # containers that end together are read together
STREAMS_PER_CALL = 100  # limit of FilterLogEvents
PAGE_LINES = 10_000  # limit of FilterLogEvents
MOST_LINES = 100_000
MOST_WAITING_LINES = 20_000  # read, but not yet shown: enough for a look
END_PATIENCE_SECONDS = 60.0
KEPT_LINES = 25  # the last lines, for the error message
# Lines may reach CloudWatch late: a look reads this much of the past again, the end of a short log all of it.
LATE_SECONDS = 60.0
LATE_AT_END_SECONDS = 3600.0
CLOCKS_SECONDS = 60.0  # by which the container's clock may be behind that of ECS
SHORT_LOG_LINES = 1000


class LogTail:
    """One stream: what was read and is to be shown, each line once and in order."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.since = 0  # milliseconds since 1970 from which a look reads
        self.lines = 0
        self.left_out = ""
        self._beginning = 0  # where the last read begins
        self._seen: dict[int, int] = {}  # hash of the event's id -> its timestamp
        self._waiting: deque[tuple[int, str]] = deque()

    def begins(self, created: dt.datetime | None) -> None:
        """When ECS made the task: nothing of its log is older."""
        if created is not None and not self._beginning:
            self.since = self._beginning = int((created.timestamp() - CLOCKS_SECONDS) * 1000)

    @property
    def full(self) -> bool:
        return self.lines >= MOST_LINES

    @property
    def readable(self) -> bool:
        """Whether a look may bring more."""
        return not self.full and not self.left_out and len(self._waiting) < MOST_WAITING_LINES

    @property
    def end_since(self) -> int:
        return max(self._beginning, int((time.time() - LATE_AT_END_SECONDS) * 1000) if self.lines else 0)

    def take(self, events: Iterable[dict[str, Any]]) -> None:
        """Keep those of `events` that are new."""
        for event in events:
            number, stamp = hash(event["eventId"]), event["timestamp"]
            if stamp < self._beginning or number in self._seen or self.full:
                continue
            self._seen[number] = stamp
            self._waiting.append((stamp, event["message"]))
            self.lines += 1

    def read_until(self, milliseconds: int) -> None:
        """Everything was read that CloudWatch had at this moment."""
        self.since = max(self.since, int(milliseconds - LATE_SECONDS * 1000))
        if len(self._seen) > SHORT_LOG_LINES:
            self._beginning = self.since
            self._seen = {number: stamp for number, stamp in self._seen.items() if stamp >= self.since}

    async def show(self) -> None:
        """Write what waits to the log of the current Airflow task."""
        shown = 0
        while self._waiting:
            stamp, message = self._waiting.popleft()
            moment = dt.datetime.fromtimestamp(stamp / 1000, dt.UTC)
            log.info("[%s] %s", moment.strftime("%H:%M:%S.%f")[:-3], message)
            self.last_lines.append(message)
            shown += 1
            if shown % 50 == 0:
                await asyncio.sleep(0)  # the event loop belongs to all triggers of the process


class LogReader:
    """Reads the streams of one log group for all containers of this process."""

    def __init__(self, calls: AwsCalls, group: str) -> None:
        self._calls = calls
        self._group = group
        self._running: set[LogTail] = set()
        self._ending: dict[LogTail, asyncio.Future[None]] = {}
        self._looks: asyncio.Task[None] | None = None
        self._ends: asyncio.Task[None] | None = None

    def follow(self, tail: LogTail) -> None:
        """The container runs, so its stream is there: look into it from now on."""
        self._running.add(tail)
        if self._looks is None or self._looks.done():
            # An empty context: what is logged about the calls belongs to no task.
            self._looks = asyncio.create_task(self._look(), name="lanes-log-looks", context=contextvars.Context())

    def leave(self, tail: LogTail) -> None:
        """Nobody wants the stream any more."""
        self._running.discard(tail)
        self._ending.pop(tail, None)

    async def finish(self, tail: LogTail) -> None:
        """The container has stopped: read and show the rest. What cannot be had is named; it never fails the task."""
        self._running.discard(tail)
        done = self._ending[tail] = asyncio.get_running_loop().create_future()
        if self._ends is None or self._ends.done():
            self._ends = asyncio.create_task(self._end(), name="lanes-log-ends", context=contextvars.Context())
        try:
            async with asyncio.timeout(END_PATIENCE_SECONDS):
                await done
        except TimeoutError:
            tail.left_out = tail.left_out or "CloudWatch did not answer in time"
        finally:
            self.leave(tail)
        await tail.show()
        if tail.full:
            tail.left_out = tail.left_out or "only so many are shown"
        if tail.left_out:
            log.warning(
                "lines after the first %d are left out here (%s): see log group %s, stream %s",
                tail.lines, tail.left_out, self._group, tail.stream,
            )  # fmt: skip

    async def _look(self) -> None:
        while self._running:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            tails = sorted((tail for tail in self._running if tail.readable), key=lambda tail: tail.since)
            for chunk in batched(tails, STREAMS_PER_CALL):
                try:
                    await self._read(chunk, min(tail.since for tail in chunk), patience=0.0)
                except CallRefused as refused:
                    log.debug("logs not read now: %s", refused)
                    if _not_found(refused):
                        await self._find_missing(chunk)

    async def _find_missing(self, chunk: Sequence[LogTail]) -> None:
        """One stream that is not there spoils the call for all: leave it to the end of its container."""
        for tail in chunk:
            try:
                await self._read([tail], tail.since, patience=0.0)
            except CallRefused as refused:
                if _not_found(refused):
                    self._running.discard(tail)

    async def _end(self) -> None:
        while self._ending:
            await asyncio.sleep(GATHER_SECONDS)
            for chunk in batched(sorted(self._ending, key=lambda tail: tail.end_since), STREAMS_PER_CALL):
                await self._read_end([tail for tail in chunk if tail in self._ending])

    async def _read_end(self, tails: list[LogTail]) -> None:
        open_ = [tail for tail in tails if not tail.full]
        try:
            if open_:
                await self._read(open_, min(tail.end_since for tail in open_), patience=END_PATIENCE_SECONDS)
        except CallRefused as refused:
            if _not_found(refused) and len(open_) > 1:
                for tail in tails:
                    await self._read_end([tail])
                return
            for tail in open_:
                tail.left_out = "the stream is not there" if _not_found(refused) else str(refused)
        except Exception as error:  # a fault of ours: whoever waits must learn of it
            log.exception("logs of %s not read", self._group)
            for tail in open_:
                tail.left_out = f"{type(error).__name__}: {error}"
        for tail in tails:
            if (done := self._ending.pop(tail, None)) and not done.done():
                done.set_result(None)

    async def _read(self, tails: Sequence[LogTail], since: int, *, patience: float) -> None:
        """All pages: an empty page may be followed by a full one; the end is where no token comes back."""
        by_name = {tail.stream: tail for tail in tails}
        begun, more = int(time.time() * 1000), dict[str, Any]()
        while True:
            page: dict[str, Any] = await self._calls.call(
                "logs", "filter_log_events", patience=patience, logGroupName=self._group,
                logStreamNames=list(by_name), startTime=since, limit=PAGE_LINES, **more,
            )  # fmt: skip
            for number, event in enumerate(page.get("events", [])):
                by_name[event["logStreamName"]].take([event])
                if number % 500 == 499:
                    await asyncio.sleep(0)
            if not (token := page.get("nextToken")):
                break
            if all(tail.full for tail in tails):
                return
            more = {"nextToken": token}
        for tail in tails:
            tail.read_until(begun)


def _not_found(refused: CallRefused) -> bool:
    return "ResourceNotFoundException" in refused.failure.reason

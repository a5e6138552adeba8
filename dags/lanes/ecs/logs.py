"""The container's log lines, brought into the Airflow task's log: some while it runs, all of them at its end.

GetLogEvents is limited to 10-25 calls per second and account, shared with everything else that reads logs. So running
containers share one look per second, a container that has stopped gets its next page at once, and the page that only
confirms the end of the stream is read when nobody waits for it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections import deque
from typing import Any

from lanes.ecs.calls import LOOKS_PER_SECOND, AwsCalls, CallRefused

log = logging.getLogger("lanes.container")

LOOK_EVERY_SECONDS = 5.0
LOOK_LINES = 500  # so that one talkative container does not hold up the others
PAGE_LINES = 10_000  # limit of GetLogEvents
PAGE_BYTES = 1024 * 1024  # limit of GetLogEvents
MOST_LINES = 100_000
END_PATIENCE_SECONDS = 60.0
KEPT_LINES = 25  # the last lines, for the error message


class LogTail:
    """Reads one log stream from its beginning, page by page, each line once and in order."""

    def __init__(self, calls: AwsCalls, group: str, stream: str) -> None:
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._calls = calls
        self._where = {"logGroupName": group, "logStreamName": stream}
        self._token: str | None = None
        self._lines = 0
        self._at_end = False
        self._looked_at = float("-inf")

    async def look(self, containers: int) -> None:
        """Show what is new in the log of one of `containers` that run, if it is its turn; never waits, never fails."""
        turn = max(LOOK_EVERY_SECONDS, containers / LOOKS_PER_SECOND)
        if time.monotonic() - self._looked_at < turn or not self._calls.spare("look"):
            return
        self._looked_at = time.monotonic()
        try:
            await self._page(LOOK_LINES, patience=0.0, paid=True)
        except CallRefused as refused:
            log.debug("log of the container not read now: %s", refused)

    async def read_rest(self) -> None:
        """The container has stopped: show what is left, up to the first page that is not full."""
        await self._until_end(confirm=False)

    async def confirm_end(self) -> None:
        """A page that is not full does not mean the end (API reference): the end is where the token comes back."""
        if not self._at_end:
            await self._until_end(confirm=True)

    async def _until_end(self, *, confirm: bool) -> None:
        """What cannot be read is named in the log, and never fails the task."""
        try:
            while self._lines < MOST_LINES:
                if not await self._calls.turn_within("get_log_events", END_PATIENCE_SECONDS, urgent=not confirm):
                    break
                full, moved = await self._page(PAGE_LINES, patience=END_PATIENCE_SECONDS, paid=True)
                self._at_end = not moved
                if self._at_end or not (full or confirm):
                    return
            self._leave_out("only so many are shown" if self._lines >= MOST_LINES else "too many logs to read")
        except CallRefused as refused:
            if "ResourceNotFoundException" in refused.failure.reason:
                log.info("the container wrote no log")
            else:
                self._leave_out(str(refused))
        self._at_end = True

    def _leave_out(self, why: str) -> None:
        log.warning(
            "lines after the first %d are left out here (%s): see log group %s, stream %s",
            self._lines, why, self._where["logGroupName"], self._where["logStreamName"],
        )  # fmt: skip

    async def _page(self, limit: int, *, patience: float, paid: bool) -> tuple[bool, bool]:
        """Show the next page: whether it was full, and whether the position moved on."""
        position = {"nextToken": self._token} if self._token else {}
        page: dict[str, Any] = await self._calls.call(
            "logs", "get_log_events", patience=patience, paid=paid,
            startFromHead=True, limit=limit, **self._where, **position,
        )  # fmt: skip
        size = 0
        for number, event in enumerate(page["events"]):
            stamp = dt.datetime.fromtimestamp(event["timestamp"] / 1000, dt.UTC)
            log.info("[%s] %s", stamp.strftime("%H:%M:%S.%f")[:-3], event["message"])
            self.last_lines.append(event["message"])
            size += len(event["message"]) + 26  # CloudWatch counts 26 bytes per event on top
            if number % 50 == 49:
                await asyncio.sleep(0)  # the event loop belongs to all triggers of the process
        self._lines += len(page["events"])
        moved = bool(page["nextForwardToken"] != self._token)
        self._token = page["nextForwardToken"]
        return len(page["events"]) >= limit or size > PAGE_BYTES // 2, moved

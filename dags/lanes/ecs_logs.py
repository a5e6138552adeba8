"""The container's log lines, brought into the Airflow task's log: some while it runs, all of them at its end."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections import deque
from typing import Any

from lanes.ecs_calls import AwsCalls, CallRefused

log = logging.getLogger("lanes.container")

LIVE_EVERY_SECONDS = 5.0
LIVE_LINES = 500  # per look, so that one talkative container does not hold up the others
PAGE_LINES = 10_000  # limit of GetLogEvents (also 1 MB)
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
        self._looked_at = float("-inf")
        self._lines = 0

    async def look(self) -> None:
        """Show what is new, if it is time and the budget has a call to spare; never waits, never fails."""
        if time.monotonic() - self._looked_at < LIVE_EVERY_SECONDS or not self._calls.spare("get_log_events"):
            return
        self._looked_at = time.monotonic()
        try:
            await self._page(LIVE_LINES, patience=0.0, paid=True)
        except CallRefused as refused:
            log.debug("log of the container not read now: %s", refused)

    async def finish(self) -> None:
        """Show everything that is left. What cannot be read is named in the log, and never fails the task."""
        try:
            while self._lines < MOST_LINES:
                if not await self._page(PAGE_LINES, patience=END_PATIENCE_SECONDS):
                    return
            log.warning("log cut after %d lines; the rest is in the log stream %s", self._lines, self.stream)
        except CallRefused as refused:
            log.warning(
                "lines after the first %d are left out here (%s); they are in log group %s, stream %s",
                self._lines, refused, self._where["logGroupName"], self.stream,
            )  # fmt: skip

    @property
    def stream(self) -> str:
        return self._where["logStreamName"]

    async def _page(self, limit: int, *, patience: float, paid: bool = False) -> bool:
        """Show the next page; True if there may be more: the end is where the token comes back unchanged."""
        position = {"nextToken": self._token} if self._token else {}
        page: dict[str, Any] = await self._calls.call(
            "logs", "get_log_events", patience=patience, paid=paid,
            startFromHead=True, limit=limit, **self._where, **position,
        )  # fmt: skip
        for number, event in enumerate(page["events"]):
            stamp = dt.datetime.fromtimestamp(event["timestamp"] / 1000, dt.UTC)
            log.info("[%s] %s", stamp.strftime("%H:%M:%S.%f")[:-3], event["message"])
            self.last_lines.append(event["message"])
            if number % 50 == 49:
                await asyncio.sleep(0)  # the event loop belongs to all triggers of the process
        self._lines += len(page["events"])
        moved = bool(page["nextForwardToken"] != self._token)
        self._token = page["nextForwardToken"]
        return moved

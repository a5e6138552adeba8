"""The runs of this process as CloudWatch metrics: log events in embedded metric format, written in batches.

Source: CloudWatch user guide, "Specification: Embedded metric format". Metrics are a service to people: what cannot be
written is dropped with a warning, and never fails a task.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import os
import socket
import time
from typing import Any
from weakref import WeakKeyDictionary

from lanes.aws.calls import AwsCalls, CallRefused
from platform_spec.run_metrics import DIMENSIONS, METRICS, NAMESPACE

log = logging.getLogger(__name__)

WRITE_EVERY_SECONDS = 10.0
MOST_WAITING = 1000


def metric_event(environment: str, facts: dict[str, Any], milliseconds: int) -> str:
    """One run (or `runs` alike) as a log event that CloudWatch turns into metrics, by run_metrics.DIMENSIONS."""
    known = {"Runs": facts.get("runs", 1), "Containers": facts["launches"]}
    known |= {"Seconds": facts["seconds"]} if "seconds" in facts else {}
    known |= {"CostUsd": facts["cost_usd"]} if "cost_usd" in facts else {}
    known |= {"PeakMemoryMib": facts["peak_memory_mib"]} if "peak_memory_mib" in facts else {}
    metrics = [{"Name": name, "Unit": unit} for name, unit in METRICS.items() if name in known]
    containers = facts.get("containers", [facts])
    spent = [c for c in containers if c["capacity"] == "spot"]
    # For people and `tasklane cost`, not metrics: all seconds, what ran on Spot, and whose run it was.
    more: dict[str, Any] = {
        "AllSeconds": round(facts.get("all_seconds", sum(c.get("seconds", 0.0) for c in containers)), 3)
    }
    more |= {"SpotUsd": round(sum(c["cost_usd"] for c in spent), 6)} if all("cost_usd" in c for c in spent) else {}
    more |= {"Attempt": facts["attempt"]} if "attempt" in facts else {}
    directive = {"Namespace": NAMESPACE, "Dimensions": [list(names) for names in DIMENSIONS], "Metrics": metrics}
    return json.dumps(
        {
            "_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]},
            "Environment": environment,
            "Lane": facts["lane"],
            "Outcome": facts["outcome"],
            **known,
            **more,
            "Size": facts["size"],
            "Capacity": facts["capacity"],
            "Container": facts["arn"],
        }
    )


_writers: WeakKeyDictionary[AwsCalls, dict[str, RunMetrics]] = WeakKeyDictionary()


def record(calls: AwsCalls, group: str, environment: str, facts: dict[str, Any]) -> None:
    """Give one run to this process's writer of the log group."""
    writers = _writers.setdefault(calls, {})
    if group not in writers:
        writers[group] = RunMetrics(calls, group)
    writers[group].record(environment, facts)


class RunMetrics:
    """Collects events for one log group; one stream per process."""

    def __init__(self, calls: AwsCalls, group: str) -> None:
        self._calls = calls
        self._where: dict[str, Any] = {
            "logGroupName": group,
            "logStreamName": f"lanes/{socket.gethostname()}/{os.getpid()}",
        }
        self._waiting: list[dict[str, Any]] = []
        self._writer: asyncio.Task[None] | None = None
        self._stream_made = False

    def record(self, environment: str, facts: dict[str, Any]) -> None:
        """Take one run; it is written within seconds, by a task of its own."""
        now = int(time.time() * 1000)
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append({"timestamp": now, "message": metric_event(environment, facts, now)})
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_later(), context=contextvars.Context())

    async def write(self) -> None:
        """Write what waits now."""
        events, self._waiting = self._waiting, []
        if not events:
            return
        try:
            if not self._stream_made:
                await self._make_stream()
            await self._calls.call("logs", "put_log_events", patience=30.0, logEvents=events, **self._where)
        except CallRefused as refused:
            log.warning("%d run metrics not written to %s: %s", len(events), self._where["logGroupName"], refused)

    async def _write_later(self) -> None:
        while self._waiting:
            await asyncio.sleep(WRITE_EVERY_SECONDS)
            await self.write()

    async def _make_stream(self) -> None:
        try:
            await self._calls.call("logs", "create_log_stream", patience=30.0, **self._where)
        except CallRefused as refused:
            if "ResourceAlreadyExists" not in refused.failure.reason:
                raise
        self._stream_made = True

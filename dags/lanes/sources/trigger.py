"""The trigger of source_changed: one look per poll, no worker while it waits."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

from lanes.airflow_channel import push_xcoms
from lanes.attempts.identity import Attempt
from lanes.sources.listing import Source

log = logging.getLogger(__name__)

# See lanes/ecs/trigger.py: a task that is resumed earlier is failed by the scheduler.
EARLIEST_RESUME_SECONDS = 15.0


class SourceChangedTrigger(BaseTrigger):
    """`source` is Source and `attempt` Attempt, as dictionaries."""

    def __init__(
        self, source: dict[str, Any], attempt: dict[str, Any], poll_seconds: float, wait_seconds: float, **newer: Any
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        times = {"poll_seconds": poll_seconds, "wait_seconds": wait_seconds}
        self._kwargs = {"source": source, "attempt": attempt, **times, **newer}
        self.source, self.attempt = Source(**source), Attempt(**attempt)
        self.poll_seconds, self.wait_seconds = poll_seconds, wait_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "lanes.sources.trigger.SourceChangedTrigger", self._kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        begun = time.monotonic()
        try:
            state = await self._wait(begun)
        except Exception as error:
            log.exception("the source cannot be looked at")
            await asyncio.sleep(max(0.0, EARLIEST_RESUME_SECONDS - (time.monotonic() - begun)))
            yield TriggerEvent({"message": f"s3://{self.source.bucket}/{self.source.prefix}: {error}"})
            return
        if state:
            await push_xcoms(self.attempt, {"return_value": state})
            yield TaskSuccessEvent()
        else:
            log.info("no change under %s in %.0f s: what follows is skipped", self.source.prefix, self.wait_seconds)
            yield TaskSkippedEvent()

    async def _wait(self, begun: float) -> str:
        """The new state, or nothing. A look that AWS does not answer is repeated; if the last one is, it is raised."""
        s3 = await asyncio.to_thread(_client)
        while True:
            unanswered: Exception | None = None
            try:
                if state := await asyncio.to_thread(self.source.changed, s3):
                    log.info("s3://%s/%s has a new state: %s", self.source.bucket, self.source.prefix, state)
                    return state
            except Exception as error:
                if not _passes(error):
                    raise
                unanswered = error
                log.warning("looking again in %.0f s: %s", self.poll_seconds, error)
            if time.monotonic() - begun + self.poll_seconds > self.wait_seconds:
                if unanswered:  # nobody knows whether there is a change: what follows must not count as skipped
                    raise unanswered
                return ""
            await asyncio.sleep(self.poll_seconds)


def _passes(error: Exception) -> bool:
    """Whether AWS was busy, broken or out of reach for a moment, rather than refusing."""
    from botocore.exceptions import BotoCoreError, ClientError

    from lanes.attempts.failures import Kind
    from lanes.aws.calls import failure_of

    return isinstance(error, (ClientError, BotoCoreError)) and failure_of(error).kind is Kind.THROTTLE


def _client() -> Any:
    import boto3
    from botocore.config import Config

    # Patient: a throttled or interrupted look is no reason to fail a wait of hours.
    return boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 10}))

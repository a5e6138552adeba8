"""The trigger of a lane: starts the container, watches it, ends the Airflow task from the triggerer.

Nothing but this process talks to AWS about the attempt. When it dies, another triggerer gets the same trigger and the
same request, and the lane's engine sees to it that nothing is started twice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from lanes.airflow_channel import push_xcoms, still_wanted
from lanes.attempts.attempt_run import AttemptRun
from lanes.attempts.engine import Engine, LogSource
from lanes.attempts.failures import Failure, Kind
from lanes.attempts.identity import ENDED_OR_CLEARED
from lanes.attempts.last_words import reason
from lanes.attempts.launch import Launch
from lanes.attempts.links import links
from lanes.attempts.outcome import Outcome
from lanes.attempts.report import error_message, run_facts
from lanes.attempts.run_metrics import record
from lanes.attempts.steps import first_step
from lanes.aws.shared import Shared, shared

log = logging.getLogger(__name__)

# A task resumed before the scheduler has read the executor's report of its first half is marked failed without a retry
# (Airflow 3.0.6, 3.2.1). Success does not resume the task; failures wait until that report has certainly been read.
EARLIEST_RESUME_SECONDS = 15.0
RUN_FACTS_KEY = "lanes_run"
LINKS_AFTER_SECONDS = 20.0


class LaneTrigger(BaseTrigger):
    """`launch` is Launch.to_dict(); `prepared_at` the worker's clock (seconds since 1970) when it deferred."""

    launch_class: ClassVar[type[Launch]]

    def __init__(self, launch: dict[str, Any], prepared_at: float, resume_on_success: bool = False, **newer: Any):
        super().__init__()
        self._kwargs = {"launch": launch, "prepared_at": prepared_at, "resume_on_success": resume_on_success, **newer}
        self.launch = self.launch_class.from_dict(launch)
        self.prepared_at = prepared_at
        self.resume_on_success = resume_on_success

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", self._kwargs

    def engine(self, ours: Shared) -> Engine:
        """The attempt's way to AWS."""
        raise NotImplementedError

    def logs(self, ours: Shared) -> LogSource:
        """Where the containers' lines come from."""
        return ours.reader(self.launch.log_group)

    async def attempt(self, holder: list[AttemptRun]) -> Outcome:
        """The attempt from start to end; `holder` receives the AttemptRun, for who has to stop it."""
        launch, ours = self.launch, await shared(self.launch.region, self.launch.aws_conn_id)
        run = AttemptRun(launch, self.engine(ours), self.logs(ours))
        holder.append(run)
        outcome = in_own_words(await run.run(), run.last_lines)
        if launch.metrics_group:
            facts = {**run_facts(outcome, launch), "attempt": launch.attempt.told}
            record(ours.calls, launch.metrics_group, launch.environment_name, facts)
        return outcome

    async def run(self) -> AsyncIterator[TriggerEvent]:
        begun, holder = time.monotonic(), list[AttemptRun]()
        showing = asyncio.create_task(self._show_links(holder))
        try:
            outcome = await self.attempt(holder)
            ends_here = outcome.failure is None and not self.resume_on_success
            if ends_here:
                await push_xcoms(self.launch.attempt, xcoms(outcome, self.launch))
        except asyncio.CancelledError:
            await self._stop_unless_wanted(holder)
            raise
        except Exception as error:
            log.exception("the trigger failed")
            for run in holder:
                await run.stop("the trigger failed")
            failure = Failure(Kind.INTERNAL, f"{type(error).__name__}: {error}")
            outcome, ends_here = Outcome(failure, first_step(self.launch), None, None, None), False
        finally:
            showing.cancel()
        if ends_here:
            # Links are read by the API server itself, which undoes the event's double encoding (see push_xcoms).
            yield TaskSuccessEvent(xcoms={**links_of(outcome, self.launch)} or None)
            return
        last_lines = holder[0].last_lines if holder else []
        await asyncio.sleep(max(0.0, EARLIEST_RESUME_SECONDS - (time.monotonic() - begun)))
        yield TriggerEvent(event_payload(outcome, self.launch, last_lines))

    async def _show_links(self, holder: list[AttemptRun]) -> None:
        """Links into the console while the container runs; a short one gets them at its end, which costs no call."""
        shown: dict[str, str] = {}
        while True:
            await asyncio.sleep(LINKS_AFTER_SECONDS)
            known = links(self.launch, arn, holder[0].log_stream) if holder and (arn := holder[0].arn) else {}
            if known != shown:
                await push_xcoms(self.launch.attempt, known)
                shown = known

    async def _stop_unless_wanted(self, holder: list[AttemptRun]) -> None:
        """Cancelled: by a person or timeout (the task is no longer deferred: stop), or because this triggerer ends."""
        if not holder or await still_wanted(self.launch.attempt):
            return
        for run in holder:
            await run.stop(ENDED_OR_CLEARED)


def in_own_words(outcome: Outcome, last_lines: Sequence[str]) -> Outcome:
    """A failure for which its lane has no reason but the exit code gets the program's own words."""
    if outcome.failure is None or outcome.failure.reason:
        return outcome
    return replace(outcome, failure=replace(outcome.failure, reason=reason(last_lines)))


def xcoms(outcome: Outcome, launch: Launch) -> dict[str, Any]:
    """The run's facts, and the URI of its result after a success."""
    facts = {RUN_FACTS_KEY: run_facts(outcome, launch)}
    return {"return_value": outcome.result_uri, **facts} if outcome.result_uri and not outcome.failure else facts


def links_of(outcome: Outcome, launch: Launch) -> dict[str, str]:
    """The buttons of an attempt that has ended."""
    return links(launch, outcome.arn, outcome.seen.log_stream if outcome.seen else None) if outcome.arn else {}


def event_payload(outcome: Outcome, launch: Launch, last_lines: Sequence[str]) -> dict[str, Any]:
    """What the worker gets: its XComs, its links, and the failure if there is one."""
    payload = {
        "failed": outcome.failure is not None,
        "try_number": launch.attempt.try_number,
        "xcoms": xcoms(outcome, launch),
        "links": links_of(outcome, launch),
    }
    if outcome.failure is not None:
        payload |= {
            "kind": str(outcome.failure.kind),
            "message": error_message(outcome.failure, outcome, launch, last_lines),
        }
    return payload

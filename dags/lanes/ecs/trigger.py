"""The trigger of RunTask: starts the container, watches it, ends the Airflow task from the triggerer.

Nothing but this process talks to ECS about the attempt. When it dies, another triggerer gets the same trigger and the
same request, whose clientToken starts nothing twice.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from lanes.airflow_channel import push_xcoms, still_wanted
from lanes.attempts.failures import Failure, Kind
from lanes.attempts.launch import Launch
from lanes.attempts.links import links
from lanes.attempts.report import error_message, run_facts
from lanes.attempts.run_metrics import RunMetrics
from lanes.attempts.steps import first_step
from lanes.ecs.attempt_run import TOKEN_TRUSTED_SECONDS, AttemptRun, Outcome
from lanes.ecs.calls import AwsCalls, make_clients
from lanes.ecs.logs import LogReader
from lanes.ecs.poller import EcsPoller

log = logging.getLogger(__name__)

# A task resumed before the scheduler has read the executor's report of its first half is marked failed without a retry
# (Airflow 3.0.6, 3.2.1). Success does not resume the task; failures wait until that report has certainly been read.
EARLIEST_RESUME_SECONDS = 15.0
RUN_FACTS_KEY = "lanes_run"
LINKS_AFTER_SECONDS = 20.0


class Shared(NamedTuple):
    """What all attempts of this process have in common."""

    calls: AwsCalls
    poller: EcsPoller
    metrics: RunMetrics | None
    logs: dict[str, LogReader]  # by log group

    def reader(self, group: str) -> LogReader:
        """The one reader of a log group in this process."""
        return self.logs.setdefault(group, LogReader(self.calls, group))


# One set of clients and one poller per event loop (a triggerer has one), account, Region and cluster.
_shared: WeakKeyDictionary[Any, dict[tuple[str, str | None, str], asyncio.Task[Shared]]] = WeakKeyDictionary()


async def shared(launch: Launch) -> Shared:
    """This process's clients and poller for the launch; made once, however many attempts ask at the same time."""
    known = _shared.setdefault(asyncio.get_running_loop(), {})
    key = (launch.region, launch.aws_conn_id, launch.cluster)
    if key not in known or (known[key].done() and known[key].exception() is not None):
        # An empty context: what boto3 logs meanwhile does not belong into the log of the task that came first.
        known[key] = asyncio.create_task(_make_shared(launch), context=contextvars.Context())
    return await asyncio.shield(known[key])


async def _make_shared(launch: Launch) -> Shared:
    clients = await asyncio.to_thread(make_clients, launch.region, launch.aws_conn_id)
    calls = AwsCalls(clients)
    metrics = RunMetrics(calls, launch.metrics_group) if launch.metrics_group else None
    return Shared(calls, EcsPoller(calls, launch.cluster), metrics, {})


async def run_attempt(launch: Launch, prepared_at: float, run_holder: list[AttemptRun]) -> Outcome:
    """The attempt from start to end; `run_holder` receives the AttemptRun, for who has to stop it."""
    ours = await shared(launch)
    run = AttemptRun(launch, ours.calls, ours.poller, ours.reader(launch.log_group))
    run_holder.append(run)
    old = time.time() - prepared_at > TOKEN_TRUSTED_SECONDS
    outcome = await run.run(look_first=old or launch.attempt.try_number > 1)
    if ours.metrics:
        ours.metrics.record(launch.environment_name, run_facts(outcome, launch))
    return outcome


class RunTaskTrigger(BaseTrigger):
    """`launch` is Launch.to_dict(); `prepared_at` the worker's clock (seconds since 1970) when it deferred."""

    def __init__(self, launch: dict[str, Any], prepared_at: float, resume_on_success: bool = False, **newer: Any):
        super().__init__()
        self._kwargs = {"launch": launch, "prepared_at": prepared_at, "resume_on_success": resume_on_success, **newer}
        self.launch = Launch.from_dict(launch)
        self.prepared_at = prepared_at
        self.resume_on_success = resume_on_success

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "lanes.ecs.trigger.RunTaskTrigger", self._kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        begun, holder = time.monotonic(), list[AttemptRun]()
        showing = asyncio.create_task(self._show_links(holder))
        try:
            outcome = await run_attempt(self.launch, self.prepared_at, holder)
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
            yield TaskSuccessEvent(xcoms={**links(self.launch, outcome.arn)} if outcome.arn else None)
            return
        last_lines = holder[0].last_lines if holder else []
        await asyncio.sleep(max(0.0, EARLIEST_RESUME_SECONDS - (time.monotonic() - begun)))
        yield TriggerEvent(event_payload(outcome, self.launch, last_lines))

    async def _show_links(self, holder: list[AttemptRun]) -> None:
        """Links into the console while the container runs; a short one gets them at its end, which costs no call."""
        shown = None
        while True:
            await asyncio.sleep(LINKS_AFTER_SECONDS)
            arn = holder[0].arn if holder else None
            if arn is not None and arn != shown:
                await push_xcoms(self.launch.attempt, links(self.launch, arn))
                shown = arn

    async def _stop_unless_wanted(self, holder: list[AttemptRun]) -> None:
        """Cancelled: by a person or timeout (the task is no longer deferred: stop), or because this triggerer ends."""
        if not holder or await still_wanted(self.launch.attempt):
            return
        for run in holder:
            await run.stop("the Airflow task was ended or cleared")


def xcoms(outcome: Outcome, launch: Launch) -> dict[str, Any]:
    """The run's facts, and the URI of its result after a success."""
    facts = {RUN_FACTS_KEY: run_facts(outcome, launch)}
    return {"return_value": outcome.result_uri, **facts} if outcome.result_uri and not outcome.failure else facts


def event_payload(outcome: Outcome, launch: Launch, last_lines: Sequence[str]) -> dict[str, Any]:
    """What the worker gets: its XComs, its links, and the failure if there is one."""
    payload = {
        "failed": outcome.failure is not None,
        "try_number": launch.attempt.try_number,
        "xcoms": xcoms(outcome, launch),
        "links": links(launch, outcome.arn) if outcome.arn else {},
    }
    if outcome.failure is not None:
        payload |= {
            "kind": str(outcome.failure.kind),
            "message": error_message(outcome.failure, outcome, launch, last_lines),
        }
    return payload

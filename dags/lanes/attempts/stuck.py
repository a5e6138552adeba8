"""Tasks that stay deferred although their container has ended: nobody looks after them any more.

Seen from outside the triggerer, which is what has failed then. Counted as a CloudWatch metric (an alarm watches it).
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lanes.attempts.reaper import AskStates, Container, with_states
from platform_spec.run_metrics import NAMESPACE, STUCK

log = logging.getLogger(__name__)

# A trigger notices an end within seconds, and a failure resumes a worker within a minute or two.
PATIENCE = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Ended:
    """A container that has stopped, and when."""

    container: Container
    stopped_at: dt.datetime


def stuck(ended: Iterable[Ended], running: Iterable[Container], ask: AskStates, now: dt.datetime) -> list[Container]:
    """The last container of each task that is still deferred long after it, if no newer one is at work."""
    last: dict[tuple[str, str, str], Ended] = {}
    for one in sorted(ended, key=lambda each: each.container.created_at):
        if one.container.one_of_many:
            continue  # a batch of an array: its task waits for all of them
        last[_task(one.container)] = one
    at_work = {_task(container) for container in running}
    old = [one.container for task, one in last.items() if task not in at_work and now - one.stopped_at > PATIENCE]
    return [container for container, state in with_states(old, ask) if state == "deferred"]


def _task(container: Container) -> tuple[str, str, str]:
    return container.dag_id, container.run_id, container.key


def report(logs: Any, group: str, environment: str, found: list[Container], now: dt.datetime) -> None:
    """Name them in the log, and write their number as a metric where the environment takes metrics."""
    for container in found:
        log.error("stuck: %s / %s / %s is deferred, its container %s has ended", *_task(container), container.arn)
    if not group:
        return
    milliseconds = int(now.timestamp() * 1000)
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Environment"]], "Metrics": [{"Name": STUCK, "Unit": "Count"}]}
    event = {"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]}, "Environment": environment}
    where = {"logGroupName": group, "logStreamName": f"lanes/{socket.gethostname()}/reaper"}
    try:
        logs.create_log_stream(**where)
    except logs.exceptions.ResourceAlreadyExistsException:
        log.debug("the stream %s is there", where["logStreamName"])
    message = json.dumps({**event, STUCK: len(found)})
    logs.put_log_events(logEvents=[{"timestamp": milliseconds, "message": message}], **where)

"""What the states of a child run's tasks say about the run. Pure.

One query of the execution API gives the task states of many runs; the state of a run takes a query of its own. A run
whose tasks all succeeded has succeeded, whatever the scheduler has written down by now. Otherwise the run itself must
be asked: trigger rules decide, and a run that a person marked as failed has nothing but skipped tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

_SUCCEEDED = frozenset({"success", "removed"})
_ENDED = frozenset({"success", "removed", "skipped", "failed", "upstream_failed"})
_STARTED = frozenset({"queued", "running", "deferred", "restarting", "up_for_retry", "up_for_reschedule"})


class ChildState(StrEnum):
    ABSENT = "absent"  # no task: the run does not exist (or its DAG has no task)
    WAITING = "waiting"  # nothing has been handed to a worker yet
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    ENDED = "ended"  # every task ended, not all with success: ask the run


def judge(tasks: Mapping[str, str | None] | None) -> ChildState:
    """The state of one child run from the states of its tasks (None: not scheduled yet)."""
    if not tasks:
        return ChildState.ABSENT
    states = set(tasks.values())
    if states <= _SUCCEEDED and "success" in states:
        return ChildState.SUCCEEDED
    if states <= _ENDED:
        return ChildState.ENDED
    return ChildState.RUNNING if states & (_STARTED | _ENDED) else ChildState.WAITING


def failed_tasks(tasks: Mapping[str, str | None]) -> list[str]:
    """Ids of the tasks that failed themselves, not because of another."""
    return sorted(name for name, state in tasks.items() if state == "failed")

"""What the states of a child run's tasks say about the run. Pure.

One query of the execution API gives the task states of many runs; the state of a run takes a query of its own. A run
whose tasks all ended well has succeeded whatever the scheduler has written down by now; only where a task ended badly
the run itself must be asked, because trigger rules decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

_GOOD = frozenset({"success", "skipped", "removed"})
_BAD = frozenset({"failed", "upstream_failed"})
_STARTED = frozenset({"queued", "running", "deferred", "restarting", "up_for_retry", "up_for_reschedule"})


class ChildState(StrEnum):
    ABSENT = "absent"  # no task: the run does not exist (or its DAG has no task)
    WAITING = "waiting"  # nothing has been handed to a worker yet
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    ENDED_BADLY = "ended badly"  # every task ended, at least one of them badly


def judge(tasks: Mapping[str, str | None] | None) -> ChildState:
    """The state of one child run from the states of its tasks (None: not scheduled yet)."""
    if not tasks:
        return ChildState.ABSENT
    states = set(tasks.values())
    if states <= _GOOD:
        return ChildState.SUCCEEDED
    if states <= _GOOD | _BAD:
        return ChildState.ENDED_BADLY
    return ChildState.RUNNING if states & (_STARTED | _GOOD | _BAD) else ChildState.WAITING


def failed_tasks(tasks: Mapping[str, str | None]) -> list[str]:
    """Ids of the tasks that failed themselves, not because of another."""
    return sorted(name for name, state in tasks.items() if state == "failed")

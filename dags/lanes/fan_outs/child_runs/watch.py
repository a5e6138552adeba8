"""Watching the child runs of a fan-out with a bounded number of queries per look, however many there are.

A look asks for the task states of the first hundred open runs and of one more hundred, in turn. Runs start in order, so
the first hundred are where things end; they make room for the next. Only runs with a task that did not succeed are
asked one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from lanes.fan_outs.child_runs.ids import child_run_id
from lanes.fan_outs.child_runs.states import ChildState, failed_tasks, judge
from lanes.fan_outs.state import FanOutState

RUNS_PER_LOOK = 100
FAILURES_PER_LOOK = 16
UNKNOWN, DELETED = "unknown", "deleted"

TaskStates = Mapping[str, Mapping[str, str | None]]


class Airflow(Protocol):
    """The questions that a trigger may ask."""

    async def task_states(self, run_ids: list[str]) -> TaskStates: ...
    async def run_state(self, run_id: str) -> str | None: ...
    async def failure_class(self, run_id: str, task_id: str) -> str | None: ...
    async def running_runs(self) -> int: ...


class ChildWatch:
    """Keeps `state` up to date. `run_id_of` names the child run of a batch."""

    def __init__(self, airflow: Airflow, state: FanOutState, run_id_of: Callable[[int], str]) -> None:
        self._airflow, self.state, self._run_id_of = airflow, state, run_id_of
        self._turn = 0
        self.seen_started = bool(state.ended)

    async def look(self) -> int:
        """One round of questions (at most 2 + 2 x 16 queries). Returns how many batches ended."""
        indexes = self._chosen()
        run_ids = [self._run_id_of(index) for index in indexes]
        answers: dict[str, Mapping[str, str | None]] = {}
        for start in range(0, len(run_ids), RUNS_PER_LOOK):
            answers |= await self._airflow.task_states(run_ids[start : start + RUNS_PER_LOOK])
        ended, asked = 0, 0
        for index, run_id in zip(indexes, run_ids, strict=True):
            tasks = answers.get(run_id)
            verdict = judge(tasks)
            self.seen_started |= verdict not in (ChildState.WAITING, ChildState.ABSENT)
            if verdict is ChildState.SUCCEEDED:
                self.state.end(index, None)
                ended += 1
            elif verdict in (ChildState.ENDED, ChildState.ABSENT) and asked < FAILURES_PER_LOOK:
                asked += 1
                ended += await self._settle(index, run_id, tasks or {})
        return ended

    async def nothing_starts(self) -> bool:
        """No child has started, and no run of the child DAG runs at all: it is paused, or nobody schedules."""
        return bool(self.state.running) and not self.seen_started and not await self._airflow.running_runs()

    def _chosen(self) -> list[int]:
        running = self.state.running
        if len(running) <= 2 * RUNS_PER_LOOK:
            return list(running)
        head, rest = running[:RUNS_PER_LOOK], running[RUNS_PER_LOOK:]
        start = self._turn * RUNS_PER_LOOK
        if start >= len(rest):
            start = self._turn = 0
        self._turn += 1
        return [*head, *rest[start : start + RUNS_PER_LOOK]]

    async def _settle(self, index: int, run_id: str, tasks: Mapping[str, str | None]) -> bool:
        state = await self._airflow.run_state(run_id)
        if state == "success":
            self.state.end(index, None)
        elif state == "failed":
            self.state.end(index, await self._class_of(run_id, tasks))
        elif state is None:
            self.state.end(index, DELETED)
        else:
            return False  # the scheduler has not looked at the run since its last task ended
        return True

    async def _class_of(self, run_id: str, tasks: Mapping[str, str | None]) -> str:
        for task_id in failed_tasks(tasks)[:1]:
            return await self._airflow.failure_class(run_id, task_id) or UNKNOWN
        return UNKNOWN


def watch(facts: dict[str, Any], state: FanOutState) -> ChildWatch:
    """The watch over what ChildRuns has dispatched; `facts` as it gives them."""
    from lanes.airflow_questions import TriggererQuestions  # here: the rest of this file needs no Airflow

    def run_id_of(index: int) -> str:
        generation = facts["generations"].get(str(index), 0)
        return child_run_id(facts["parent_run_id"], facts["manifest_sha"], index, generation)

    return ChildWatch(TriggererQuestions(facts["child_dag_id"]), state, run_id_of)

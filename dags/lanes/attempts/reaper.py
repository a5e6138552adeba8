"""The last net: containers of ours whose Airflow task is over are stopped and named."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lanes.attempts.identity import OURS
from lanes.attempts.task_states import OVER

log = logging.getLogger(__name__)

# Who ends a task stops its container within seconds; the reaper comes after that, not before.
GRACE = dt.timedelta(minutes=2)
RUNS_PER_QUESTION = 100

# States by run and task (mapped: task_index), as the execution API answers for one DAG and some of its runs.
States = dict[str, dict[str, str | None]]
AskStates = Callable[[str, list[str]], States]


@dataclass(frozen=True)
class Container:
    """A running container of a lane, and the task instance it says it belongs to."""

    arn: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    created_at: dt.datetime
    one_of_many: bool = False  # of an array fan-out, which may have several jobs at a time

    @property
    def key(self) -> str:
        return self.task_id if self.map_index < 0 else f"{self.task_id}_{self.map_index}"


@dataclass(frozen=True)
class Orphan:
    container: Container
    why: str


def orphans(containers: Iterable[Container], ask: AskStates, now: dt.datetime) -> list[Orphan]:
    """Those whose task is over or gone, and those that a newer container of the same task has replaced."""
    old = [container for container in containers if now - container.created_at > GRACE]
    newest: dict[tuple[str, str, str], Container] = {}
    for container in sorted(old, key=lambda each: each.created_at):
        if not container.one_of_many:
            newest[container.dag_id, container.run_id, container.key] = container
    found = []
    for container, state in with_states(old, ask):
        if state in OVER:
            found.append(Orphan(container, f"its task is {state}"))
        elif newest.get((container.dag_id, container.run_id, container.key), container) is not container:
            found.append(Orphan(container, "a newer container does its work"))
    return found


def with_states(containers: list[Container], ask: AskStates) -> Iterator[tuple[Container, str | None]]:
    """A task that Airflow does not know any more counts as removed."""
    for dag_id in sorted({container.dag_id for container in containers}):
        of_dag = [container for container in containers if container.dag_id == dag_id]
        runs = sorted({container.run_id for container in of_dag})
        states: States = {}
        for start in range(0, len(runs), RUNS_PER_QUESTION):
            states |= ask(dag_id, runs[start : start + RUNS_PER_QUESTION])
        for container in of_dag:
            yield container, states.get(container.run_id, {}).get(container.key, "removed")


def told(arn: str, environment: dict[str, str], created_at: dt.datetime) -> Container | None:
    """The container from what its launch told it; None (and an error in the log) when that is not enough."""
    try:
        return Container(
            arn, environment["TASKLANE_DAG_ID"], environment["TASKLANE_RUN_ID"], environment["TASKLANE_TASK_ID"],
            int(environment["TASKLANE_MAP_INDEX"]), created_at, "TASKLANE_BATCHES_URI" in environment,
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        log.error("container %s is one of %s but does not say for whom (%s)", arn, OURS, error)
        return None


def reap(
    containers: Iterable[Container], stop: Callable[[str, str], object], ask: AskStates, now: dt.datetime
) -> list[dict[str, str]]:
    """Stop the orphans among `containers`; what was stopped and why. Raises when AWS or Airflow do not answer."""
    reaped = []
    for orphan in orphans(containers, ask, now):
        of = orphan.container
        log.warning("stopping %s of %s / %s / %s: %s", of.arn, of.dag_id, of.run_id, of.key, orphan.why)
        stop(of.arn, f"{OURS} reaper: {orphan.why}")
        reaped.append({"arn": of.arn, "dag": of.dag_id, "run": of.run_id, "task": of.key, "why": orphan.why})
    log.info("%d containers stopped", len(reaped))
    return reaped

"""Who a container belongs to: names that are the same wherever and however often they are computed.

A *task instance* is one task of one DAG run (and map index); Airflow runs at most one *attempt* of it at a time; an
attempt starts one container per *launch* (a second launch only after AWS took the first container away).

- `startedBy` names the task instance, so that one ListTasks call finds the containers of all its attempts.
- `clientToken` names the launch: RunTask with the same token starts nothing twice, whoever calls it and whenever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

# Prefix of startedBy and of our StopTask reasons: how the reaper knows a container of ours.
OURS = "tasklane"
# Why a container is stopped that nobody waits for any more. After a clear both may come: the trigger that watched it is
# cancelled, and the next attempt looks for what is left; the first of the two is what AWS keeps as the reason.
ENDED_OR_CLEARED = "the Airflow task was ended or cleared"
SUPERSEDED = "its attempt is over, superseded by this one"


@dataclass(frozen=True)
class Attempt:
    """One Airflow attempt at one task instance.

    `attempt_id` is Airflow's id of the task instance row, new for each retry and clear. `life` changes when a person
    clears the task or the run (also when a run is deleted and made anew under its old id): containers of an earlier
    life are not adopted, those of an earlier attempt in the same life are (its worker or host died). `cut_off` names
    attempts (by attempt_id) of an earlier life that no person cleared: they ended because the fan-out that waited for
    them was cancelled, and what their containers did still counts.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    attempt_id: str
    life: str
    cut_off: list[str] = field(default_factory=list)  # a list, as it comes back from JSON

    @property
    def started_by(self) -> str:
        """At most 128 characters of [A-Za-z0-9_/-] (API reference of RunTask)."""
        return f"{OURS}/{_digest(self.dag_id, self.run_id, self.task_id, self.map_index)[:40]}"

    def client_token(self, launch: int) -> str:
        """At most 64 characters."""
        return _digest(self.started_by, self.try_number, self.attempt_id, self.life, launch)

    @property
    def environment(self) -> dict[str, str]:
        """What the container is told about its attempt, and what DescribeTasks later tells us."""
        return {
            "TASKLANE_DAG_ID": self.dag_id,
            "TASKLANE_RUN_ID": self.run_id,
            "TASKLANE_TASK_ID": self.task_id,
            "TASKLANE_MAP_INDEX": str(self.map_index),
            "TASKLANE_TRY": str(self.try_number),
            "TASKLANE_ATTEMPT": self.attempt_id,
            "TASKLANE_LIFE": self.life,
        }

    @property
    def told(self) -> dict[str, Any]:
        """Whose it is, in a log event (`tasklane cost run` finds earlier tries by it)."""
        return {
            "Dag": self.dag_id,
            "Run": self.run_id,
            "Task": self.task_id,
            "MapIndex": self.map_index,
            "Try": self.try_number,
        }

    def stop_reason(self, cause: str) -> str:
        """At most 255 characters; says which attempt stopped the container, and why."""
        return f"{OURS} {self.attempt_id} try {self.try_number}: {cause}"[:255]

    def goes_on_from(self, attempt_id: str, life: str) -> bool:
        """Whether that attempt of the same task instance was ours to go on with."""
        return life == self.life or attempt_id in self.cut_off

    def owns(self, attempt_id: str, life: str) -> bool:
        """Whether a container is this attempt's: its own, or one that it would go on with."""
        return attempt_id == self.attempt_id or self.goes_on_from(attempt_id, life)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, task_instance: Any, dag_run: Any) -> Self:
        """The attempt that a worker is executing (`context["ti"]`, `context["dag_run"]`)."""
        return cls(
            dag_id=task_instance.dag_id,
            run_id=task_instance.run_id,
            task_id=task_instance.task_id,
            map_index=-1 if task_instance.map_index is None else task_instance.map_index,
            try_number=task_instance.try_number,
            attempt_id=str(task_instance.id),
            life=_digest(dag_run.start_date, dag_run.run_after, task_instance.max_tries)[:16],
            cut_off=cut_off_attempts(dag_run.conf),
        )


def cut_off_attempts(conf: Any) -> list[str]:
    """From the conf of a child run: the attempts that a cancelled fan-out ended (written by plugins/tasklane_pages)."""
    parent = conf.get("fan_out") if isinstance(conf, Mapping) else None
    return list(parent.get("cut_off", [])) if isinstance(parent, Mapping) else []


def _digest(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()

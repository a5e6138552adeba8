"""The DAG that lanes.dag makes: Airflow's, which looks at its tasks when its `with` block ends."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

from lanes.this_deployment import deployment
from platform_spec.dag_rules import TaskFacts, task_problems
from platform_spec.errors import Problem, SpecError

if TYPE_CHECKING:
    from platform_spec.teams import Team


class TeamDag(DAG):
    """A DAG of the team `team`; `declared_schedule` is what it runs by where an environment switches it on."""

    team: str
    declared_schedule: Any

    def declare(self, name: str, team: Team, schedule: Any, execution_timeout: dt.timedelta | None) -> None:
        self.team, self.declared_schedule = name, schedule
        self._team = team
        self._light_timeout = execution_timeout or dt.timedelta(minutes=team.timeout_minutes)

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        """Raises SpecError for tasks that do not keep to the team's rules: an import error of the file."""
        super().__exit__(kind, error, traceback)
        if kind is not None:
            return
        for task in self.tasks:
            if not is_bounded(task):
                _set(task, "execution_timeout", self._light_timeout)
        here, file = deployment(), f"dags/{Path(self.fileloc).name}"
        problems = [] if self.tasks else [_nothing_to_do(file)]
        problems += [
            problem
            for task in self.tasks
            for problem in task_problems(file, facts(task), self.team, self._team, here.pools, here.environment)
        ]
        if problems:
            raise SpecError(problems)


def _nothing_to_do(file: str) -> Problem:
    what = "declares no task: each of its runs would end at once, as a success"
    return Problem(file, "", None, what, "one task or more", "call them inside the with block")


def facts(task: Any) -> TaskFacts:
    """The facts of an operator, mapped or not."""
    return TaskFacts(
        task_id=task.task_id,
        owner=task.owner,
        pool=task.pool,
        pool_slots=task.pool_slots,
        priority_weight=task.priority_weight,
        retries=task.retries,
        bounded=is_bounded(task),
        weight_rule=_rule(task.weight_rule),
    )


def is_bounded(task: Any) -> bool:
    """It has an execution_timeout, is of the kit (a lane stops at the limit in task.toml), or waits in a trigger."""
    arguments = getattr(task, "partial_kwargs", None) or vars(task)  # a mapped task has its arguments there
    kind = getattr(task, "operator_class", None) or type(task)
    of_the_kit = kind.__module__.startswith("lanes.")
    return task.execution_timeout is not None or of_the_kit or bool(arguments.get("deferrable"))


def _rule(strategy: Any) -> str:
    """absolute, downstream, upstream, or the class of somebody's own. An object on Airflow 3.0, a word on 3.2."""
    if isinstance(strategy, str):
        return str(strategy)  # an enumeration's member too
    name = type(strategy).__name__
    return name.removeprefix("_").removesuffix("PriorityWeightStrategy").lower() or name


def _set(task: Any, name: str, value: Any) -> None:
    if hasattr(task, "partial_kwargs"):
        task.partial_kwargs[name] = value
    else:
        setattr(task, name, value)

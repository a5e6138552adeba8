"""The [tasks.<name>] tables of an environment: where a task runs there, in place of what its task.toml says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from platform_spec.errors import Problem, SpecError, closest
from platform_spec.lanes import WITH_SPOT, Lane
from platform_spec.loading import Spec, check
from platform_spec.tasks import Architecture, Size, Task, check_registered, load_tasks

if TYPE_CHECKING:
    from platform_spec.environments import Environment


class TaskChanges(Spec):
    """What is set here stands in place of task.toml's key (`sizes` as a whole); the defaults are never used."""

    lane: Lane = "fargate"
    architecture: Architecture = "arm64"
    spot: bool = Field(default=False, description="true or false")
    sizes: dict[str, Size] = Field(
        default_factory=dict, description="one table per size, [tasks.<task>.sizes.<name>]; the first is the default"
    )


def tasks_of(environment: Environment, root: Path) -> dict[str, Task]:
    """All tasks below `root`/task_images as they run in `environment`. Raises SpecError with the file that is wrong."""
    tasks = load_tasks(root)
    file = f"environments/{environment.name}.toml"
    problems: list[Problem] = []
    for name, changes in environment.tasks.items():
        try:
            tasks[name] = _changed(tasks, name, changes, file)
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    check_registered(tasks, root)
    return tasks


def _changed(tasks: Mapping[str, Task], name: str, changes: TaskChanges, file: str) -> Task:
    if name not in tasks:
        meant = closest(name, list(tasks))
        fix = f"did you mean {meant}?" if meant else "remove the table"
        raise SpecError([Problem(file, f"tasks.{name}", None, "no such task", ", ".join(tasks) or "none", fix)])
    given: dict[str, Any] = changes.model_dump(exclude_unset=True)
    if given.get("lane", tasks[name].lane) not in WITH_SPOT:
        given.setdefault("spot", False)  # task.toml allows it where there is Spot; it does not ask for it
    return check(Task, {**tasks[name].model_dump(), **given}, file, under=f"tasks.{name}")

"""run_task: one line in a DAG for one piece of heavy work in its own container."""

from __future__ import annotations

from typing import Any

from lanes.ecs.operator import RunTask


def run_task(
    name: str,
    *,
    command: list[str],
    task_id: str | None = None,
    size: str | None = None,
    environment: dict[str, str] | None = None,
    **operator_args: Any,
) -> RunTask:
    """Run `command` in the lane `name` (declared in task_images/<name>/task.toml) and return the Airflow task.

    `command`, `environment` and `size` are templated. The task's XCom is the URI of the container's result document.
    `operator_args` are those of RunTask (capacity, result, …) and of every Airflow operator (retries, pool, …).
    """
    return RunTask(
        task_id=task_id or name, name=name, command=command, size=size, environment=environment, **operator_args
    )

"""run_task: one line in a DAG for one piece of heavy work in its own container."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lanes.offered import refuse_unoffered
from lanes.this_deployment import deployment

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from platform_spec.lanes import Lane

# Loaded when a DAG names a task of the lane: nobody pays for the import of another lane's operator.
_OPERATORS: dict[Lane, str] = {
    "fargate": "lanes.ecs.operator.RunTask",
    "ec2": "lanes.ecs.operator.RunTask",
    "batch": "lanes.batch.operator.SubmitBatchJob",
    "virtualenv": "lanes.virtualenv.operator.RunVirtualenv",
    "docker": "lanes.docker.operator.RunInDocker",
    "kubernetes": "lanes.kubernetes.operator.RunInPod",
}


def run_task(
    name: str,
    *,
    command: list[str],
    task_id: str | None = None,
    size: str | None = None,
    environment: dict[str, str] | None = None,
    **operator_args: Any,
) -> BaseOperator:
    """Run `command` in the lane `name` (declared in task_images/<name>/task.toml) and return the Airflow task.

    `command`, `environment` and `size` are templated. The task's XCom is the URI of the container's result document.
    `operator_args` are those of the lane's operator (RunTask: capacity, result, …) and of every Airflow operator
    (retries, pool, …).
    """
    refuse_unoffered(task_id or name, name, deployment())
    module, _, operator = _OPERATORS[deployment().task(name).lane].rpartition(".")
    made: BaseOperator = getattr(import_module(module), operator)(
        task_id=task_id or name, name=name, command=command, size=size, environment=environment, **operator_args
    )
    return made

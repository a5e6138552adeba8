"""From a declared task and its lane to the request: command, size, environment, tags, where the result goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lanes.attempts.identity import Attempt
from lanes.attempts.launch import LaunchError, Size
from lanes.attempts.steps import ON_DEMAND, SPOT_FIRST

if TYPE_CHECKING:
    from lanes.attempts.operator import LaneOperator
    from lanes.fan_outs.array_jobs.operator import ArrayFanOut
    from platform_spec.manifest import Manifest, TaskEntry

_RESERVED = ("TASKLANE_", "AWS_")


def lane_request(
    task: LaneOperator | ArrayFanOut, attempt: Attempt, manifest: Manifest, *, every_size: bool = False
) -> dict[str, Any]:
    """The fields that a Launch has in every lane: for one container, or (`every_size`) for containers of all sizes.

    Raises LaunchError for what the lane does not offer.
    """
    lane = manifest.task(task.name)
    size = "" if task.size in (None, "None") else task.size
    names = list(lane.sizes) if every_size else size_names(size, task.name, lane)
    refuse_reserved(task.task_id, task.environment)
    timeout = task.execution_timeout or timedelta(minutes=lane.timeout_minutes)
    own = {"TASKLANE_ENVIRONMENT": manifest.environment, "TASKLANE_RELEASE": manifest.release}
    return {
        "attempt": attempt,
        "lane": task.name,
        "region": manifest.region,
        "command": words(task.command),
        "environment": {**{key: str(value) for key, value in task.environment.items()}, **own},
        "sizes": [_size(name, lane) for name in names],
        "capacity": task.capacity or (SPOT_FIRST if lane.spot and manifest.spot_share > 0 else ON_DEMAND),
        "tags": _tags(task, attempt, manifest),
        "log_group": lane.log_group,
        "log_stream_prefix": lane.log_stream_prefix,
        "result_uri": result_uri(manifest.data_bucket, task.name, attempt) if task.result else None,
        "timeout_seconds": timeout.total_seconds(),
        "aws_conn_id": task.aws_conn_id,
        "environment_name": manifest.environment,
        "architecture": lane.architecture,
        "metrics_group": manifest.metrics_log_group,
    }


def refuse_reserved(task_id: str, environment: Iterable[str]) -> None:
    """Raise LaunchError for a variable that is ours or AWS's to set."""
    for variable in environment:
        if variable.startswith(_RESERVED):
            raise LaunchError(f"task {task_id!r}: environment may not set {variable} (reserved: TASKLANE_*, AWS_*)")


def check_order(task_id: str, command: Any, environment: Any) -> None:
    """Raise LaunchError, when the DAG is parsed, for what no lane takes. What templates and tasks give is not known."""
    if isinstance(command, str) and "{{" not in command:
        raise LaunchError(
            f"task {task_id!r}: command must be a list of strings, not {command!r}; write {command.split()!r}"
        )
    if isinstance(environment, Mapping):
        refuse_reserved(task_id, environment)


def _tags(task: LaneOperator | ArrayFanOut, attempt: Attempt, manifest: Manifest) -> dict[str, str]:
    return {
        "tasklane:environment": manifest.environment,
        "tasklane:release": manifest.release,
        "tasklane:owner": manifest.task(task.name).owner,
        "tasklane:dag": attempt.dag_id,
        "tasklane:run": attempt.run_id,
        "tasklane:task": attempt.task_id,
        **(task.tags or {}),
    }


def words(command: Any) -> Any:
    """Numbers (from templates rendered to native objects) become words; Launch.check refuses everything else.

    Words that a template rendered to nothing are left out: `"{{ '--flag' if … }}"` is an optional word.
    """
    if not isinstance(command, list):
        return command
    return [str(word) if isinstance(word, int | float) else word for word in command if word != ""]


def size_names(size: str, lane_name: str, lane: TaskEntry) -> list[str]:
    """The size asked for (empty: the default) and those it grows to, in order."""
    name = size or lane.default_size
    if name not in lane.sizes:
        raise LaunchError(
            f"lane {lane_name!r} has no size {size!r} (it has {', '.join(lane.sizes)}); "
            f"add it to task_images/{lane_name}/task.toml and deploy"
        )
    return [name, *lane.sizes[name].grows_to]


def _size(name: str, lane: TaskEntry) -> Size:
    size = lane.sizes[name]
    return Size(
        name, size.cpu_units, size.memory_mib, size.storage_gib, size.gpus, size.instance_type, size.capacity_provider
    )


def result_uri(bucket: str, lane: str, attempt: Attempt) -> str:
    """`runs/<lane>/<dag>/<run>/<task>/<map index>/<try>.json`; other characters than S3 likes are percent-encoded."""
    names = "/".join(quote(part, safe="!-_.*'():+@=,") for part in (attempt.dag_id, attempt.run_id, attempt.task_id))
    return f"s3://{bucket}/runs/{lane}/{names}/{attempt.map_index}/{attempt.try_number}.json"

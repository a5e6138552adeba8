"""Run what failed again, and what follows: the failed work of failed children, then the waiting task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.fan_outs.airflow import Waiting
from ops.workspace import Workspace
from platform_spec.fan_out_resume import Resumed, resume_uri


def failed_batches(view: dict[str, Any], chosen: Sequence[int]) -> list[dict[str, Any]]:
    """Failed batches (quarantined ones only when named); UserError for a batch that has not failed."""
    by_index = {batch["index"]: batch for batch in view["batches"]}
    if not chosen:
        return [batch for batch in view["batches"] if batch["state"] == "failed"]
    for index in chosen:
        state = by_index[index]["state"] if index in by_index else "not in this plan"
        if state not in ("failed", "quarantined"):
            raise UserError(f"batch {index} is {state}: only failed and quarantined batches can be resumed")
    return [by_index[index] for index in chosen]


def resume(
    workspace: Workspace,
    rest: AirflowRest,
    waiting: Waiting,
    batches: Sequence[dict[str, Any]],
    *,
    size: str | None,
    capacity: str | None,
) -> None:
    """Same settings: clear the failed tasks of each child. Other settings: a new child run each, with its own conf.

    The batches of an array fan-out have no runs: the waiting task submits again what failed, and of bad input what is
    asked for here.
    """
    if size or capacity or waiting.is_array:
        _ask_for(workspace, waiting, [batch["index"] for batch in batches], size, capacity)
    else:
        for batch in batches:
            _clear(rest, waiting.info["child_dag_id"], {"dag_run_id": batch["run_id"], "only_failed": True})
    again = {"dag_run_id": waiting.run_id, "task_ids": [waiting.task_id], "include_downstream": True}
    _clear(rest, waiting.dag_id, {**again, "only_failed": False})


def _clear(rest: AirflowRest, dag_id: str, body: dict[str, Any]) -> None:
    full = {"dry_run": False, "reset_dag_runs": True, **body}
    rest.call("POST", f"/dags/{quote(dag_id)}/clearTaskInstances", body=full)


def _ask_for(
    workspace: Workspace, waiting: Waiting, indexes: Sequence[int], size: str | None, capacity: str | None
) -> None:
    bucket, _, key = resume_uri(waiting.info["manifest"], waiting.run_id).removeprefix("s3://").partition("/")
    s3 = workspace.client("s3")
    try:
        known = Resumed.from_json(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "404", "AccessDenied", "403"):
            raise
        known = Resumed(run_id=waiting.run_id)
    asked = known.again(indexes, size=size, capacity=capacity)
    s3.put_object(Bucket=bucket, Key=key, Body=asked.model_dump_json(indent=1).encode())

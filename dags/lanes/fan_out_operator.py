"""Fan-out over child DAG runs: one per batch of a manifest, created by one task, awaited by one trigger.

Built on TriggerDagRunOperator (same fields, same link to the child DAG), with what its retries get wrong put right:
run ids are deterministic and carry no logical date, so a retry or a clear of this task finds the children of the first
attempt: those that run are awaited, those that succeeded are kept, those that failed are cleared and run again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.exceptions import AirflowException, AirflowFailException
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from lanes.child_runs import ensure_child_run
from lanes.fan_out_trigger import FanOutTrigger

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


def child_run_id(parent_run_id: str, manifest_sha: str, index: int) -> str:
    """Same parent run, same plan, same batch: the same child run. A new plan never adopts an old child."""
    return f"{parent_run_id}__{manifest_sha[:8]}__b{index:05d}"


class FanOut(TriggerDagRunOperator):
    """Run the child DAG once per batch of the manifest at `manifest_uri` (templated) and wait for all of them.

    Each child gets `conf = {"manifest": <uri>, "batch": <index>, "size": <size or None>}`. Returns the manifest's URI.
    Fails with the list of failed child runs; a retry runs only those again.
    """

    template_fields = ("trigger_dag_id", "manifest_uri")

    def __init__(
        self, *, trigger_dag_id: str, manifest_uri: str, poll: timedelta = timedelta(seconds=5), **kwargs: Any
    ) -> None:
        super().__init__(trigger_dag_id=trigger_dag_id, logical_date=None, deferrable=True, **kwargs)
        self.manifest_uri = manifest_uri
        self.poll = poll

    def execute(self, context: Context) -> str:
        manifest, sha = read_manifest(self.manifest_uri)
        run_ids = []
        for batch in manifest["batches"]:
            run_id = child_run_id(context["run_id"], sha, batch["index"])
            conf = {"manifest": self.manifest_uri, "batch": batch["index"], "size": batch["size"]}
            outcome = ensure_child_run(self.trigger_dag_id, run_id, conf)
            self.log.info("batch %d of %d: child run %s %s", batch["index"], len(manifest["batches"]), run_id, outcome)
            run_ids.append(run_id)
        if not run_ids:
            self.log.info("nothing to do: every item of %s already has its result", self.manifest_uri)
            return self.manifest_uri
        context["ti"].xcom_push(key="trigger_run_id", value=run_ids[0])  # the operator's own "Triggered DAG" link
        self.defer(
            trigger=FanOutTrigger(
                child_dag_id=self.trigger_dag_id,
                run_ids=run_ids,
                poll_seconds=self.poll.total_seconds(),
                result=self.manifest_uri,
            ),
            method_name="raise_for_failures",
        )

    def raise_for_failures(self, context: Context, event: dict[str, Any]) -> None:
        """Only failures come back to a worker: success ends in the triggerer (see FanOutTrigger)."""
        raise AirflowException(describe_failures(self.trigger_dag_id, event["failed"], event["total"]))


def describe_failures(child_dag_id: str, failed: Iterable[str], total: int) -> str:
    """One line for people: how many child runs failed, which ones first, what to do."""
    names = sorted(failed)
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return (
        f"{len(names)} of {total} child runs of {child_dag_id} failed: {shown}. "
        f"Their logs say why; clear this task to run only the failed ones again."
    )


def read_manifest(uri: str) -> tuple[dict[str, Any], str]:
    """The fan-out manifest and its hash, which is its file name. Fails without retry when it is not there."""
    import boto3  # here, not above: DAG files are parsed without it

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = boto3.client("s3")
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey as error:
        raise AirflowFailException(f"fan-out manifest {uri} does not exist; clear the task that plans it") from error
    return json.loads(body), key.rsplit("/", 1)[-1].removesuffix(".json")


def fan_out(child_dag_id: str, manifest_uri: Any, *, task_id: str = "fan_out", **kwargs: Any) -> FanOut:
    """One child run of `child_dag_id` per batch of the manifest; returns the task.

    `manifest_uri` is a string, a template or the output of the task that plans.
    """
    return FanOut(task_id=task_id, trigger_dag_id=child_dag_id, manifest_uri=manifest_uri, **kwargs)

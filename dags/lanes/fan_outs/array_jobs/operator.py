"""Fan-out by AWS Batch array jobs: one SubmitJob for up to 10,000 batches, and again only for those that failed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from lanes.airflow_errors import AirflowException, AirflowFailException
from lanes.attempts.identity import Attempt
from lanes.attempts.lane_request import check_order
from lanes.attempts.launch import LaunchError
from lanes.attempts.steps import CAPACITIES
from lanes.batch.launch import launch_of
from lanes.fan_outs.link import FanOutLink
from lanes.fan_outs.manifest import read_manifest, read_resumed
from lanes.fan_outs.state import QUARANTINED, FanOutState, Tolerance, summary
from lanes.fan_outs.trigger import SUMMARY_KEY
from lanes.this_deployment import deployment
from platform_spec.fan_out_arrays import ENGINE, document_uri

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

INFO_KEY = "fan_out"


class ArrayFanOut(BaseOperator):
    """Run `command` in the batch lane `name` once per batch of the manifest at `manifest_uri`, and wait for all.

    Every container finds its batch through AWS_BATCH_JOB_ARRAY_INDEX and TASKLANE_BATCHES_URI
    (docs/fan-out-manifest.md). Returns the manifest's URI; `max_failed` and `quarantine` as in FanOut. A retry or
    clear goes on with arrays that run, and submits only what has not succeeded. How many run at a time is the queue's
    business (maximum vCPUs of its compute environments). `capacity` is on_demand, spot or spot_first.
    `execution_timeout` (else task.toml's) counts for each container, and AWS Batch holds it.
    """

    template_fields = ("manifest_uri", "command", "environment", "max_failed", "capacity")
    template_fields_renderers = {"command": "json", "environment": "json"}  # noqa: RUF012 (Airflow's interface)
    operator_extra_links = (FanOutLink(),)
    ui_color = "#e3e8ef"

    def __init__(
        self,
        *,
        name: str,
        command: list[str],
        manifest_uri: str,
        environment: dict[str, str] | None = None,
        capacity: str | None = None,
        max_failed: float | str = 0,
        quarantine: bool = True,
        aws_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        if "max_parallel" in kwargs:
            raise ValueError(
                f"task {kwargs.get('task_id')!r}: max_parallel is not offered by engine='array': the maximum vCPUs of "
                f"the queue's compute environments say how many run at a time"
            )
        super().__init__(**kwargs)
        check_order(self.task_id, command, environment)
        self.name = name
        self.command = command
        self.manifest_uri = manifest_uri
        self.environment = environment or {}
        self.capacity = capacity
        self.max_failed = max_failed
        self.quarantine = quarantine
        self.aws_conn_id = aws_conn_id
        # What lanes.attempts.lane_request reads of every operator of a lane.
        self.size: str | None = None
        self.result = False
        self.tags: dict[str, str] = {}
        lane = deployment().task(name)
        if lane.lane != "batch":
            raise ValueError(
                f"task {self.task_id!r}: engine='array' needs a task of the lane batch; {name} is of the lane "
                f'{lane.lane}: set lane = "batch" in task_images/{name}/task.toml, or leave engine out'
            )
        if capacity and "{{" not in capacity and capacity not in CAPACITIES:
            raise ValueError(f"task {self.task_id!r}: capacity {capacity!r} is none of {', '.join(CAPACITIES)}")
        if not isinstance(max_failed, str):
            Tolerance(max_failed, quarantine)

    def execute(self, context: Context) -> Any:
        """Defer to the trigger, which finds out what there is to do; nothing is submitted here."""
        manifest, _ = read_manifest(self.manifest_uri)
        attempt, lane = Attempt.of(context["ti"], context["dag_run"]), deployment().task(self.name)
        where = document_uri(self.manifest_uri, attempt.dag_id, attempt.run_id, attempt.task_id, attempt.map_index)
        context["ti"].xcom_push(key=INFO_KEY, value=self._info(manifest, attempt.dag_id, where))
        if not manifest["batches"]:
            self.log.info("nothing to do: every item of %s already has its result", self.manifest_uri)
            return self.manifest_uri
        from lanes.fan_outs.array_jobs.trigger import ArrayFanOutTrigger

        try:
            launch = launch_of(self, attempt, deployment(), every_size=True)
            launch.check()
        except LaunchError as error:
            raise AirflowFailException(str(error)) from error
        self._check_sizes(manifest, set(lane.sizes))
        resumed = read_resumed(self.manifest_uri, attempt.run_id)
        trigger = ArrayFanOutTrigger(
            launch=launch.to_dict(),
            growth={size: list(entry.grows_to) for size, entry in lane.sizes.items()},
            manifest_uri=self.manifest_uri,
            document_uri=where,
            asked={str(index): batch.model_dump() for index, batch in resumed.batches.items()},
            max_failed=float(self.max_failed),
            quarantine=self.quarantine,
            started_at=time.time(),
            resume_on_success=bool(self.outlets or self.on_success_callback),
        )
        self.defer(trigger=trigger, method_name="conclude")

    def conclude(self, context: Context, event: dict[str, Any] | str) -> Any:
        """Called in a worker for everything but success, which ends in the triggerer."""
        if isinstance(event, str):  # `airflow dags test` resumes here with the name of the end state
            return self.manifest_uri
        if event["try_number"] != context["ti"].try_number:
            # Airflow 3.0.6 keeps the resume method and event of a failed attempt, so that its retry ends here.
            return self.execute(context)
        if event["state"] is None:
            raise AirflowException(event["message"])
        state, tolerance = FanOutState.from_dict(event["state"]), Tolerance(float(self.max_failed), self.quarantine)
        context["ti"].xcom_push(key=SUMMARY_KEY, value=summary(state, tolerance))
        if not tolerance.exceeded(state):
            return self.manifest_uri
        hopeless = set(tolerance.counted(state).values()) == {QUARANTINED}
        raise (AirflowFailException if hopeless else AirflowException)(event["message"])

    def _check_sizes(self, manifest: dict[str, Any], known: set[str]) -> None:
        unknown = sorted({batch["size"] for batch in manifest["batches"]} - known - {None})
        if unknown:
            raise AirflowFailException(
                f"{self.manifest_uri} asks for size {', '.join(unknown)}, which {self.name} does not have (it has "
                f"{', '.join(sorted(known))}): plan with the size rules of {self.name}"
            )

    def _info(self, manifest: dict[str, Any], dag_id: str, where: str) -> dict[str, Any]:
        """What the fan-out page and `tasklane fanout` need: whose permission counts, and where the state lies."""
        return {
            "engine": ENGINE,
            "child_dag_id": dag_id,  # its batches are no runs: who may read this DAG may see them
            "lane": self.name,
            "document": where,
            "region": deployment().region,
            "log_group": deployment().task(self.name).log_group,
            "manifest": self.manifest_uri,
            "batches": len(manifest["batches"]),
            "items": len(manifest["items"]),
            "max_failed": float(self.max_failed),
            "quarantine": self.quarantine,
        }

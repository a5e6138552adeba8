"""SubmitBatchJob: the AWS Batch operator of the lanes. See docs/adr/0010-batch-lane.md."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.batch import BatchOperator

from lanes.attempts.identity import Attempt
from lanes.attempts.launch import Launch
from lanes.attempts.links import ContainerLogLink
from lanes.attempts.operator import LaneOperator
from lanes.batch.launch import BatchLaunch, launch_of
from lanes.batch.link import JobLink
from lanes.this_deployment import deployment

if TYPE_CHECKING:
    from lanes.attempts.trigger import LaneTrigger


class SubmitBatchJob(LaneOperator, BatchOperator):
    """Run `command` as an AWS Batch job in the lane `name` and pass on the URI of its result document.

    The same promises and arguments as lanes.ecs.operator.RunTask: the worker only decides; the trigger submits,
    watches and ends the task.
    """

    ui_color = "#e3e8ef"
    operator_extra_links: Any = (JobLink(), ContainerLogLink())

    def __init__(
        self,
        *,
        name: str,
        command: list[str],
        size: str | None = None,
        environment: dict[str, str] | None = None,
        capacity: str | None = None,
        result: bool = True,
        deferrable: bool = True,
        aws_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        manifest = deployment()
        lane = manifest.task(name)
        super().__init__(
            job_name=name,  # each job gets a name of its own, made from the attempt
            # The revision of this release, never "the newest": a rollback of the manifest rolls it back too.
            job_definition=lane.job_definition_arn,
            job_queue=lane.job_queue_arn,
            region_name=manifest.region,
            deferrable=deferrable,
            aws_conn_id=aws_conn_id,
            **kwargs,
        )
        self.order(name, command, size, environment, capacity, result=result)

    def launch_of(self, attempt: Attempt) -> BatchLaunch:
        return launch_of(self, attempt, deployment())

    def trigger_of(self, launch: Launch, *, resume_on_success: bool) -> LaneTrigger:
        from lanes.batch.trigger import SubmitBatchJobTrigger

        return SubmitBatchJobTrigger(launch.to_dict(), prepared_at=time.time(), resume_on_success=resume_on_success)

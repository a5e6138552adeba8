"""RunTask: the ECS operator of the lanes. See docs/adr/0005-run-task.md for what it does differently, and why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow import __version__ as AIRFLOW
from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator
from airflow.triggers.base import StartTriggerArgs

from lanes.attempts.identity import Attempt
from lanes.attempts.launch import Launch
from lanes.attempts.operator import LaneOperator
from lanes.attempts.steps import ON_DEMAND
from lanes.ecs.launch import EcsLaunch, launch_of
from lanes.this_deployment import deployment
from platform_spec.fargate import FREE_STORAGE_GIB, MAX_STORAGE_GIB

if TYPE_CHECKING:
    from lanes.attempts.trigger import LaneTrigger
    from platform_spec.manifest import Manifest, TaskEntry


class RunTask(LaneOperator, EcsRunTaskOperator):
    """Run `command` in the lane `name` and pass on the URI of its result document.

    The worker only decides what to run; the trigger starts it, watches it and ends the task (one worker start per
    successful task). `size` is one of task.toml, empty for the first; `result=False` for lanes that write no document;
    `capacity` is on_demand, spot or spot_first, by default spot_first where lane and environment use Spot.
    `storage_gib` (20-200) is scratch disk for this call, where it needs more than the size has (Fargate).
    `start_from_trigger` saves that worker start too, on Airflow 3.0, for the children of a fan-out: their templates may
    use nothing but `params`, and nothing that only a worker can keep (outlets, callbacks of success).
    `revision` is the URI of a result document that names a task-definition revision (task image newest_image); without
    it, that of the release runs.
    """

    template_fields = (*LaneOperator.template_fields, "revision")
    ui_color = "#e3efe8"

    def __init__(
        self,
        *,
        name: str,
        command: list[str],
        size: str | None = None,
        environment: dict[str, str] | None = None,
        capacity: str | None = None,
        storage_gib: int | None = None,
        result: bool = True,
        deferrable: bool = True,
        start_from_trigger: bool = False,
        aws_conn_id: str | None = None,
        revision: str | None = None,
        **kwargs: Any,
    ) -> None:
        manifest = deployment()
        lane = manifest.task(name)
        super().__init__(
            # The revision of this release, never "the newest": a rollback of the manifest rolls it back too.
            task_definition=lane.task_definition_arn,
            cluster=manifest.cluster,
            overrides={},  # made from command, environment and size when the templates are rendered
            launch_type="EC2" if lane.lane == "ec2" else "FARGATE",
            awslogs_group=lane.log_group,
            awslogs_region=manifest.region,
            awslogs_stream_prefix=lane.log_stream_prefix,
            container_name=lane.container,
            region_name=manifest.region,
            reattach=True,
            deferrable=deferrable,
            aws_conn_id=aws_conn_id,
            **kwargs,
        )
        self.revision = revision
        self.order(name, command, size, environment, capacity, result=result)
        self.storage_gib = storage_gib
        self._check_lane(lane)
        if start_from_trigger:
            self._start_from_trigger(manifest)

    def _check_lane(self, lane: TaskEntry) -> None:
        where, least, most = f"task {self.task_id!r}", FREE_STORAGE_GIB, MAX_STORAGE_GIB
        if self.storage_gib is not None and lane.lane != "fargate":
            raise ValueError(f"{where}: storage_gib is for lane fargate; the disk of lane {lane.lane} is in task.toml")
        if self.storage_gib is not None and not least <= self.storage_gib <= most:
            raise ValueError(f"{where}: storage_gib {self.storage_gib} is not a Fargate disk size ({least} to {most})")
        if lane.lane == "ec2" and self.capacity not in (None, ON_DEMAND):
            raise ValueError(f"{where}: lane ec2 has no Spot capacity: capacity must be {ON_DEMAND}")

    def _start_from_trigger(self, manifest: Manifest) -> None:
        """Have the scheduler defer the task itself; ValueError where a worker is needed."""
        from lanes.ecs.from_trigger import TRIGGER, task_of

        try:
            task = task_of(self, manifest)
        except ValueError as error:
            raise ValueError(f"task {self.task_id!r}: start_from_trigger: {error}") from error
        if AIRFLOW.startswith("3.0."):  # later schedulers do not do it: there a worker renders and defers
            self.start_trigger_args = StartTriggerArgs(TRIGGER, next_method="conclude", trigger_kwargs={"task": task})
            self.start_from_trigger = True

    def launch_of(self, attempt: Attempt) -> EcsLaunch:
        return launch_of(self, attempt, deployment())

    def trigger_of(self, launch: Launch, *, resume_on_success: bool) -> LaneTrigger:
        from lanes.ecs.trigger import RunTaskTrigger

        return RunTaskTrigger(launch.to_dict(), prepared_at=time.time(), resume_on_success=resume_on_success)

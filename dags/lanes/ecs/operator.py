"""RunTask: the ECS operator of the lanes. See docs/adr/0005-run-task.md for what it does differently, and why."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator

from lanes.airflow_errors import AirflowException, AirflowFailException
from lanes.attempts.failures import NOT_RETRIED, Kind
from lanes.attempts.identity import Attempt
from lanes.attempts.lane_request import launch_of, size_names
from lanes.attempts.launch import Launch, LaunchError
from lanes.attempts.links import ContainerLink, ContainerLogLink
from lanes.attempts.steps import CAPACITIES
from lanes.this_deployment import deployment

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class LaneFailed(AirflowException):
    """The container failed; Airflow's `retries` decide. The first line names the class of the failure."""


class RunTask(EcsRunTaskOperator):
    """Run `command` in the lane `name` and pass on the URI of its result document.

    The worker only decides what to run; the trigger starts it, watches it and ends the task (one worker start per
    successful task). `size` is one of task.toml, empty for the first; `result=False` for lanes that write no document;
    `capacity` is on_demand, spot or spot_first, by default spot_first where lane and environment use Spot.
    """

    template_fields = ("command", "environment", "size", "capacity")
    template_fields_renderers = {"command": "json", "environment": "json"}  # noqa: RUF012 (Airflow's interface)
    operator_extra_links = (ContainerLink(), ContainerLogLink())
    ui_color = "#e3efe8"

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
            # The revision of this release, never "the newest": a rollback of the manifest rolls it back too.
            task_definition=lane.task_definition_arn,
            cluster=manifest.cluster,
            overrides={},  # made from command, environment and size when the templates are rendered
            launch_type="FARGATE",
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
        self.links: dict[str, str] = {}
        self.name = name
        self.command = command
        self.size = size
        self.environment = environment or {}
        self.capacity = capacity
        self.result = result
        if size and "{{" not in size:
            size_names(size, name, lane)
        if capacity and "{{" not in capacity and capacity not in CAPACITIES:
            raise ValueError(f"task {self.task_id!r}: capacity {capacity!r} is none of {', '.join(CAPACITIES)}")

    def execute(self, context: Context) -> Any:
        """Defer to the trigger with everything it needs; nothing is started here."""
        try:
            launch = launch_of(self, Attempt.of(context["ti"], context["dag_run"]), deployment())
            launch.check()
        except LaunchError as error:
            raise AirflowFailException(str(error)) from error
        if not self.deferrable:
            return self._run_here(launch, context)
        from lanes.ecs.trigger import RunTaskTrigger

        # A success that ends in the triggerer records no asset events and runs no callback (Airflow 3.0.6 and 3.2.1).
        needs_worker = bool(self.outlets or self.on_success_callback)
        trigger = RunTaskTrigger(launch=launch.to_dict(), prepared_at=time.time(), resume_on_success=needs_worker)
        self.defer(trigger=trigger, method_name="conclude")

    def conclude(self, context: Context, event: dict[str, Any] | str) -> Any:
        """Raise the failure that the trigger found, or return the result of a task with outlets."""
        if isinstance(event, str):  # `airflow dags test` resumes here with the name of the end state, without XComs
            return self.execute_inline(context)
        if event["try_number"] != context["ti"].try_number:
            # Airflow 3.0.6 keeps the resume method and event of a failed attempt, so that its retry ends here.
            return self.execute(context)
        self.links = event["links"]
        for key, value in event["xcoms"].items():
            if key != "return_value":
                context["ti"].xcom_push(key=key, value=value)
        if not event["failed"]:
            return event["xcoms"].get("return_value")
        error = AirflowFailException if Kind(event["kind"]) in NOT_RETRIED else LaneFailed
        raise error(event["message"])

    def execute_inline(self, context: Context) -> Any:
        """The attempt in this process: finds the finished container by its token and returns its result."""
        return self._run_here(launch_of(self, Attempt.of(context["ti"], context["dag_run"]), deployment()), context)

    def on_kill(self) -> None:
        """Not deferred: `_run_here` stops the container. Deferred: there is none yet, the trigger starts it."""
        if running := getattr(self, "_running", None):
            loop, task = running
            loop.call_soon_threadsafe(task.cancel)

    def _run_here(self, launch: Launch, context: Context) -> Any:
        from lanes.ecs.trigger import event_payload, run_attempt

        async def attempt() -> dict[str, Any]:
            self._running = asyncio.get_running_loop(), asyncio.current_task()
            holder: list[Any] = []
            try:
                outcome = await run_attempt(launch, time.time(), holder)
                return event_payload(outcome, launch, holder[0].last_lines)
            except asyncio.CancelledError:
                for run in holder:
                    await run.stop("the Airflow task was killed")
                raise

        return self.conclude(context, asyncio.run(attempt()))

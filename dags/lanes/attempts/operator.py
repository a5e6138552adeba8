"""What the operators of all lanes have in common: the worker decides, the trigger starts, watches and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lanes.airflow_errors import AirflowException, AirflowFailException
from lanes.attempts.failures import NOT_RETRIED, Kind
from lanes.attempts.identity import Attempt
from lanes.attempts.lane_request import check_order, size_names
from lanes.attempts.launch import Launch, LaunchError
from lanes.attempts.links import ContainerLink, ContainerLogLink
from lanes.attempts.steps import CAPACITIES
from lanes.this_deployment import deployment

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.definitions.context import Context

    from lanes.attempts.trigger import LaneTrigger

    _Operator = BaseOperator
else:
    _Operator = object


class LaneFailed(AirflowException):
    """The container failed; Airflow's `retries` decide. The first line names the class of the failure."""


class LaneOperator(_Operator):
    """Mixed into a lane's operator, before the provider's class, whose `execute` and `on_kill` it replaces."""

    template_fields: Sequence[str] = ("command", "environment", "size", "capacity")
    template_fields_renderers = {"command": "json", "environment": "json"}  # noqa: RUF012 (Airflow's interface)
    operator_extra_links = (ContainerLink(), ContainerLogLink())
    deferrable: bool
    aws_conn_id: str | None
    tags: Any

    def order(
        self, name: str, command: list[str], size: str | None, environment: dict[str, str] | None,
        capacity: str | None, *, result: bool,
    ) -> None:  # fmt: skip
        """Keep what the DAG asks for; refuse what its lane does not offer, when the DAG is parsed."""
        check_order(self.task_id, command, environment)
        self.links: dict[str, str] = {}
        self.name = name
        self.command = command
        self.size = size
        self.environment = environment or {}
        self.capacity = capacity
        self.result = result
        if size and "{{" not in size:
            size_names(size, name, deployment().task(name))
        if capacity and "{{" not in capacity and capacity not in CAPACITIES:
            raise ValueError(f"task {self.task_id!r}: capacity {capacity!r} is none of {', '.join(CAPACITIES)}")

    def launch_of(self, attempt: Attempt) -> Launch:
        """Everything the trigger needs for one attempt. Raises LaunchError."""
        raise NotImplementedError

    def trigger_of(self, launch: Launch, *, resume_on_success: bool) -> LaneTrigger:
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        """Defer to the trigger with everything it needs; nothing is started here."""
        try:
            launch = self.launch_of(Attempt.of(context["ti"], context["dag_run"]))
            launch.check()
        except LaunchError as error:
            raise AirflowFailException(str(error)) from error
        if not self.deferrable:
            return self._run_here(launch, context)
        # A success that ends in the triggerer records no asset events and runs no callback (Airflow 3.0.6 and 3.2.1).
        needs_worker = bool(self.outlets or self.on_success_callback)
        self.defer(trigger=self.trigger_of(launch, resume_on_success=needs_worker), method_name="conclude")

    def conclude(self, context: Context, event: dict[str, Any] | str) -> Any:
        """Raise the failure that the trigger found, or return the result of a task with outlets."""
        if isinstance(event, str):  # `airflow dags test` resumes here with the name of the end state, without XComs
            return self.execute_inline(context)
        if event.get("execute"):  # started from the trigger, which cannot make the request (lanes.ecs.from_trigger)
            return self.execute(context)
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
        """The attempt in this process: finds the finished container and returns its result."""
        return self._run_here(self.launch_of(Attempt.of(context["ti"], context["dag_run"])), context)

    def on_kill(self) -> None:
        """Not deferred: `_run_here` stops the container. Deferred: there is none yet, the trigger starts it."""
        if running := getattr(self, "_running", None):
            loop, task = running
            loop.call_soon_threadsafe(task.cancel)

    def _run_here(self, launch: Launch, context: Context) -> Any:
        from lanes.attempts.trigger import event_payload

        trigger = self.trigger_of(launch, resume_on_success=False)

        async def attempt() -> dict[str, Any]:
            self._running = asyncio.get_running_loop(), asyncio.current_task()
            holder: list[Any] = []
            try:
                outcome = await trigger.attempt(holder)
                return event_payload(outcome, launch, holder[0].last_lines if holder else [])
            except asyncio.CancelledError:
                for run in holder:
                    await run.stop("the Airflow task was killed")
                raise

        return self.conclude(context, asyncio.run(attempt()))

"""source_changed: goes on when the source has a state without a result, and skips what follows when it has not."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from lanes.airflow_errors import AirflowFailException
from lanes.attempts.identity import Attempt
from lanes.sources.listing import Source
from lanes.this_deployment import deployment

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class SourceChanged(BaseOperator):
    """Wait (deferred) until the objects under `prefix` of the data bucket differ from what the results were made of.

    Looks every `poll_seconds`; after `wait_seconds` without a change it is skipped, and so is what follows. The XCom is
    the state (a hash). `done` is a folder under results/ where whoever transforms a state leaves `<state>.json`, last.
    """

    template_fields = ("prefix", "done", "poll_seconds", "wait_seconds")

    def __init__(
        self,
        *,
        prefix: str,
        done: str,
        suffix: str = "",
        poll_seconds: float | str = 300,
        wait_seconds: float | str = 6 * 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prefix, self.done, self.suffix = prefix, done, suffix
        self.poll_seconds, self.wait_seconds = poll_seconds, wait_seconds

    def execute(self, context: Context) -> None:
        from lanes.sources.trigger import SourceChangedTrigger

        for name, value in {"prefix": self.prefix, "done": self.done}.items():
            if not value.endswith("/") or value.startswith("/"):
                raise AirflowFailException(f"{name} {value!r} must be a folder of the data bucket such as raw/orders/")
        source = Source(deployment().data_bucket, self.prefix, self.suffix, self.done)
        attempt = Attempt.of(context["ti"], context["dag_run"])
        self.defer(
            trigger=SourceChangedTrigger(
                source=asdict(source),
                attempt=asdict(attempt),
                poll_seconds=float(self.poll_seconds),
                wait_seconds=float(self.wait_seconds),
            ),
            method_name="conclude",
        )

    def conclude(self, context: Context, event: dict[str, Any] | str) -> Any:
        """Only for failures, and for `airflow dags test`, which resumes here with the name of the end state."""
        if isinstance(event, str):
            return event
        raise AirflowFailException(event["message"])


def source_changed(task_id: str, *, prefix: str, done: str, **operator_args: Any) -> SourceChanged:
    """The task `task_id` that waits for a change under `prefix`; what follows runs once per state."""
    return SourceChanged(task_id=task_id, prefix=prefix, done=done, **operator_args)

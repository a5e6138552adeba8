"""notify_failure: the `on_failure_callback` of the bundled DAGs. One message per task that has failed for good.

Airflow calls it in the worker, after the last attempt only; for a task whose supervisor no longer answers, in the DAG
processor and without an error. It is not called for a process that was killed while its supervisor lives (Airflow sets
the state and runs no callback), nor where a person sets the state, nor for `dagrun_timeout` (the alarms on late
pipelines see that).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lanes.this_deployment import deployment

if TYPE_CHECKING:
    from lanes.notifications.notice import Notice

log = logging.getLogger(__name__)


def notify_failure(context: Mapping[str, Any]) -> None:
    """Tell the channel of this environment. Never raises: the task has failed, and that is what must be seen."""
    try:
        _notify(context)
    except Exception as error:
        log.exception("the failure was not told to anybody: %s", type(error).__name__)


def _notify(context: Mapping[str, Any]) -> None:
    told = deployment().notifications
    if told.channel == "none":
        return
    if (getattr(context.get("dag_run"), "conf", None) or {}).get("fan_out"):
        log.info("not notified: the fan-out that started this run tells of all its batches in one message")
        return
    notice = notice_of(context)
    from lanes.notifications import channels

    send = {"sns": channels.publish_to_topic, "slack": channels.post_to_slack}[told.channel]
    send(notice, told.target, deployment().region)
    log.info("failure told: %s (%s)", notice.subject, told.channel)


def notice_of(context: Mapping[str, Any]) -> Notice:
    """The notice for Airflow's context, with values that Airflow masks in logs masked here too."""
    from lanes.notifications.notice import Notice, class_of, detail_of  # here: every DAG file imports this module

    ti, here, error = context["ti"], deployment(), context.get("exception")
    mapped = "" if ti.map_index in (None, -1) else f"[{ti.map_index}]"
    return Notice(
        environment=here.environment,
        release=here.release,
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task=f"{ti.task_id}{mapped}",
        attempt=ti.try_number,
        owner=str(getattr(context.get("task"), "owner", "")),
        failure_class=class_of(error),
        detail=_masked(detail_of(error)),
        log_url=str(getattr(ti, "log_url", None) or ""),
    )


def _masked(text: str) -> str:
    try:
        from airflow.sdk._shared.secrets_masker import redact  # type: ignore[import-not-found,unused-ignore]
    except ImportError:  # Airflow 3.0.6
        from airflow.sdk.execution_time.secrets_masker import redact
    return str(redact(text))

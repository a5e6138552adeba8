"""Buttons of a lane's task in the Airflow UI: its container in AWS's console, and its log stream in CloudWatch's."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperatorLink

from lanes.attempts.console import log_link
from lanes.attempts.launch import Launch


class _LaneLink(BaseOperatorLink):
    """The UI reads the address from an XCom: the trigger stores it, or the worker that raises the failure."""

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """What this worker knows; empty in the first half, when nothing has been started."""
        return str(getattr(operator, "links", {}).get(self.xcom_key, ""))


class ContainerLink(_LaneLink):
    name = "ECS task"


class ContainerLogLink(_LaneLink):
    name = "Container log"


def links(launch: Launch, arn: str, log_stream: str | None) -> dict[str, str]:
    """The addresses of both buttons, by the XCom that the UI reads; without the log while there is none."""
    known = {
        ContainerLink().xcom_key: launch.console_url(arn),
        ContainerLogLink().xcom_key: log_link(launch, log_stream) if log_stream and launch.log_group else "",
    }
    return {key: address for key, address in known.items() if address}

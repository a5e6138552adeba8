"""Buttons of a lane's task in the Airflow UI: its container in AWS's console, and its log stream in CloudWatch's."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

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
    known = {ContainerLink().xcom_key: launch.console_url(arn)}
    return known | ({ContainerLogLink().xcom_key: log_link(launch, log_stream)} if log_stream else {})


def log_link(launch: Launch, log_stream: str) -> str:
    return (
        f"https://{launch.region}.console.aws.amazon.com/cloudwatch/home?region={launch.region}#logsV2:log-groups"
        f"/log-group/{_twice(launch.log_group)}/log-events/{_twice(log_stream)}"
    )


def _twice(text: str) -> str:
    """CloudWatch's console wants its fragment quoted twice, with $ instead of %."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")

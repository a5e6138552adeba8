"""Buttons of a RunTask in the Airflow UI: its container in the ECS console, and its log stream in CloudWatch's."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from lanes.attempts.launch import Launch


class _RunTaskLink(BaseOperatorLink):
    """The UI reads the address from an XCom: the trigger stores it, or the worker that raises the failure."""

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """What this worker knows; empty in the first half, when nothing has been started."""
        return str(getattr(operator, "links", {}).get(self.xcom_key, ""))


class ContainerLink(_RunTaskLink):
    name = "ECS task"


class ContainerLogLink(_RunTaskLink):
    name = "Container log"


def links(launch: Launch, arn: str) -> dict[str, str]:
    """The addresses of both buttons, by the XCom that the UI reads."""
    return {ContainerLink().xcom_key: task_link(launch, arn), ContainerLogLink().xcom_key: log_link(launch, arn)}


def task_link(launch: Launch, arn: str) -> str:
    return (
        f"https://{launch.region}.console.aws.amazon.com/ecs/v2/clusters/{quote(launch.cluster, safe='')}"
        f"/tasks/{arn.rsplit('/', 1)[-1]}/configuration?region={launch.region}"
    )


def log_link(launch: Launch, arn: str) -> str:
    return (
        f"https://{launch.region}.console.aws.amazon.com/cloudwatch/home?region={launch.region}#logsV2:log-groups"
        f"/log-group/{_twice(launch.log_group)}/log-events/{_twice(launch.log_stream(arn))}"
    )


def _twice(text: str) -> str:
    """CloudWatch's console wants its fragment quoted twice, with $ instead of %."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")

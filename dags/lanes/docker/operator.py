"""RunInDocker: the DockerOperator of the lanes. See docs/adr/0014-docker-lane.md."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.docker.operators.docker import DockerOperator

from lanes.attempts.identity import Attempt
from lanes.attempts.launch import Launch
from lanes.attempts.operator import LaneOperator
from lanes.docker.launch import DockerLaunch, launch_of
from lanes.this_deployment import deployment
from platform_spec.containers import USER

if TYPE_CHECKING:
    from lanes.attempts.trigger import LaneTrigger

# Airflow's own time limit counts from the start of the Airflow task and gives no class of failure: it comes after ours.
_PULL_AND_STOP = timedelta(minutes=20)


class RunInDocker(LaneOperator, DockerOperator):  # type: ignore[misc]  # of `command` ours counts
    """Run `command` in the image of the task `name`, on the container engine beside the worker; the XCom is the URI of
    its result document.

    The engine is the provider's: `docker_url`, else DOCKER_HOST, else /var/run/docker.sock; `docker_conn_id` for a
    registry that is not ECR. `execution_timeout` (else task.toml's) counts from the start of the container.
    """

    ui_color = "#e3eaf6"
    operator_extra_links: Any = ()

    def __init__(
        self,
        *,
        name: str,
        command: list[str],
        size: str | None = None,
        environment: dict[str, str] | None = None,
        capacity: str | None = None,
        result: bool = True,
        aws_conn_id: str | None = None,
        execution_timeout: timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        lane = deployment().task(name)
        super().__init__(
            image=lane.image,
            network_mode="host",
            mount_tmp_dir=False,
            user=USER,
            execution_timeout=execution_timeout and execution_timeout + _PULL_AND_STOP,
            **kwargs,
        )
        self.order(name, command, size, environment, capacity, result=result)
        self.limit = execution_timeout
        self.deferrable = False
        self.aws_conn_id = aws_conn_id
        self.tags = None

    def launch_of(self, attempt: Attempt) -> DockerLaunch:
        return launch_of(self, attempt, deployment())

    def trigger_of(self, launch: Launch, *, resume_on_success: bool) -> LaneTrigger:
        from lanes.docker.trigger import DockerAttempt

        assert isinstance(launch, DockerLaunch)  # noqa: S101 (launch_of made it)
        host = {"ulimits": self.ulimits, "shm_size": self.shm_size, "extra_hosts": self.extra_hosts}
        return DockerAttempt(launch, lambda: self.cli, {name: value for name, value in host.items() if value})

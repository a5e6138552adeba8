"""An attempt on the engine beside the worker: run in the worker itself, whose machine no triggerer reaches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from lanes.attempts.attempt_run import AttemptRun
from lanes.attempts.failures import Failure, Kind
from lanes.attempts.outcome import Outcome
from lanes.attempts.steps import first_step
from lanes.attempts.trigger import LaneTrigger
from lanes.aws.shared import Shared
from lanes.aws.task_session import take_on
from lanes.docker.credentials import CredentialsAddress
from lanes.docker.engine import DockerEngine
from lanes.docker.launch import DockerLaunch
from lanes.docker.log import EngineLog
from lanes.docker.reaper import sweep

if TYPE_CHECKING:
    from docker import APIClient


class DockerAttempt(LaneTrigger):
    """`connect` gives the engine's client; `host_config` as DockerEngine has it. Never deferred, never serialised."""

    launch_class: ClassVar[type[DockerLaunch]] = DockerLaunch
    launch: DockerLaunch

    def __init__(self, launch: DockerLaunch, connect: Callable[[], APIClient], host_config: dict[str, Any]) -> None:
        super().__init__(launch.to_dict(), prepared_at=time.time())
        self._connect, self._host_config = connect, host_config
        to_role = partial(take_on, launch.task_role_arn, launch.region, launch.attempt)
        self._credentials = CredentialsAddress(to_role)

    def engine(self, ours: Shared) -> DockerEngine:
        return DockerEngine(self.launch, ours.calls, self._client, self._credentials, self._host_config)

    def logs(self, ours: Shared) -> EngineLog:
        return EngineLog(partial(self._client.logs, stream=True, follow=True, timestamps=True))

    async def attempt(self, holder: list[AttemptRun]) -> Outcome:
        try:
            self._client = await asyncio.to_thread(self._connect)
        except Exception as error:  # noqa: BLE001 (the provider raises several kinds)
            return Outcome(
                Failure(Kind.START, f"no container engine: {error}"), first_step(self.launch), None, None, None
            )
        try:
            await asyncio.to_thread(sweep, self._client, self.launch.environment_name)
            return await super().attempt(holder)
        finally:
            self._credentials.close()

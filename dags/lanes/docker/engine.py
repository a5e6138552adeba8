"""An attempt's way to its containers on the engine beside the worker: create, start, inspect, list, stop."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lanes.attempts.engine import Description, Seen
from lanes.attempts.failures import Failure, Kind
from lanes.attempts.retries import backoff
from lanes.attempts.steps import Found, Step
from lanes.aws.calls import AwsCalls, CallRefused, failure_of
from lanes.docker.calls import NotThere, call
from lanes.docker.credentials import CredentialsAddress
from lanes.docker.ended_by import ended_by_kernel
from lanes.docker.images import ensure_image
from lanes.docker.launch import MIB, DockerLaunch
from lanes.docker.names import filters
from lanes.docker.poller import InspectPoller
from lanes.docker.verdict import ENDED, GOING, killed_without_reason, moment, of_state

if TYPE_CHECKING:
    from docker import APIClient

log = logging.getLogger(__name__)

_ROLE_PATIENCE_SECONDS = 300.0
# How long a stop may keep its caller: the engine goes on with it, whether or not anybody waits.
_STOP_SECONDS = 2.0
# What a name that is in use is answered with: Docker's status, Podman's words.
_CONFLICT, _IN_USE = 409, "already in use"


class DockerEngine:
    """`host_config` is what the DAG asks of the host besides the lane's limits (such as ulimits)."""

    look_first = True  # an earlier worker may have started one

    def __init__(
        self, launch: DockerLaunch, calls: AwsCalls, client: APIClient, credentials: CredentialsAddress,
        host_config: dict[str, Any],
    ) -> None:  # fmt: skip
        self._launch = launch
        self.calls = calls
        self.poller = InspectPoller(self._inspect)
        self._client = client
        self._credentials = credentials
        self._host_config = host_config
        self._stops: dict[str, str] = {}
        self._stopping: set[asyncio.Task[Any]] = set()
        self._by_kernel: dict[str, bool] = {}

    async def find(self) -> list[Found]:
        wanted = filters(self._launch.environment_name, self._launch.attempt)
        known = await call(self._client.containers, all=True, filters=wanted)
        described = [await self._inspect(one["Id"]) for one in known]
        found = []
        for container in filter(None, described):
            if container["State"]["Status"] == "created":  # its worker died before the start: it has done nothing
                await self._remove(container["Id"])
                continue
            found.append(self._found(container))
            if found[-1].running:
                self._credentials.open_again(_environment(container))
        return found

    async def start(self, step: Step) -> str:
        image = await call(ensure_image, self._client, self._launch.image)
        container = await self._create(step, image)
        try:
            await call(self._client.start, container, refused=Kind.START)
        except CallRefused:
            await self._remove(container)
            raise
        return container

    async def _remove(self, container: str) -> None:
        """Of what has not started. Gone already (somebody cleans up the engine) is as good."""
        try:
            await call(self._client.remove_container, container, force=True, v=True)
        except NotThere:
            log.debug("container %s has gone meanwhile", container)

    def read(self, description: Description) -> Seen:
        state, container = description["State"], description["Id"]
        ended, started_at = state["Status"] in ENDED, moment(state["StartedAt"])
        return Seen(
            arn=container,
            status=state["Status"],
            ended=ended,
            failure=self._failure(description) if ended else None,
            log_stream=container if started_at else None,
            created_at=moment(description["Created"]),
            started_at=started_at,
            stopped_at=moment(state["FinishedAt"]),
        )

    async def stop(self, arn: str, reason: str) -> None:
        """SIGTERM, and SIGKILL after the task's stop_timeout_seconds."""
        self._stops[arn] = reason
        asked = asyncio.create_task(call(self._client.stop, arn, timeout=self._launch.stop_timeout_seconds))
        self._stopping.add(asked)
        asked.add_done_callback(self._stopping.discard)
        done, _ = await asyncio.wait({asked}, timeout=_STOP_SECONDS)
        if done:
            asked.result()

    async def _create(self, step: Step, image: str) -> str:
        """The id of the container of this launch, also where it is there already."""
        size = self._launch.sizes[step.size]
        told = await self._take_on_role()
        host = self._client.create_host_config(**self._launch.limits(size), **self._host_config)
        body = self._launch.body(step.number, told)
        try:
            made = await call(self._client.create_container, image=image, host_config=host, **body)
        except CallRefused as refused:
            response: Any = getattr(refused.__cause__, "response", None)
            if getattr(response, "status_code", 0) != _CONFLICT and _IN_USE not in refused.failure.reason:
                raise
            there = await self._inspect(body["name"])
            if there is None:
                raise
            self._credentials.open_again(_environment(there))
            return str(there["Id"])
        return str(made["Id"])

    async def _take_on_role(self) -> dict[str, str]:
        """What the container is told of its credentials; patient with an STS that is busy or away."""
        begun, failures = time.monotonic(), 0
        while True:
            try:
                return await asyncio.to_thread(self._credentials.open)
            except (BotoCoreError, ClientError) as error:
                failure = failure_of(error)
                if failure.kind is not Kind.THROTTLE or time.monotonic() - begun > _ROLE_PATIENCE_SECONDS:
                    raise CallRefused(failure) from error
            failures += 1
            log.warning("%s; asking again", failure.headline)
            await asyncio.sleep(backoff(failures))

    async def _inspect(self, name: str) -> Description | None:
        try:
            found: Description = await call(self._client.inspect_container, name)
            if killed_without_reason(found["State"]) and found["Id"] not in self._by_kernel:
                started_at = moment(found["State"]["StartedAt"])
                since = started_at.timestamp() if started_at else 0.0
                self._by_kernel[found["Id"]] = await call(ended_by_kernel, self._client, found["Id"], since)
        except NotThere:
            return None
        return found if found["State"]["Status"] != GOING else None

    def _failure(self, container: Description) -> Failure | None:
        return of_state(
            container["State"],
            stop_reason=self._stops.get(container["Id"], ""),
            attempt_id=self._launch.attempt.attempt_id,
            memory_mib=container["HostConfig"]["Memory"] // MIB,
            by_kernel=self._by_kernel.get(container["Id"], False),
        )

    def _found(self, container: Description) -> Found:
        state, memory = container["State"], container["HostConfig"]["Memory"]
        sizes = [size.memory_mib * MIB for size in self._launch.sizes]
        created = moment(container["Created"])
        return Found.told(
            _environment(container),
            arn=container["Id"],
            created_at=created.timestamp() if created else 0.0,
            size=sizes.index(memory) if memory in sizes else 0,
            spot=False,
            running=state["Status"] not in ENDED,
            succeeded=state["Status"] in ENDED and state["ExitCode"] == 0,
        )


def _environment(container: Description) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in container["Config"]["Env"] if "=" in pair)

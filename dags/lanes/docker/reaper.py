"""What is left on an engine: containers that ended are removed after a while, those without a task are stopped."""

from __future__ import annotations

import datetime as dt
import logging
import os
from typing import TYPE_CHECKING, Any

from lanes.attempts.reaper import AskStates, Container, reap, told
from lanes.docker.names import filters
from lanes.docker.verdict import ENDED, GOING, moment

if TYPE_CHECKING:
    from docker import APIClient

log = logging.getLogger(__name__)

# An attempt may still come that finds its container ended and takes over its result; ECS keeps tasks as long.
KEPT = dt.timedelta(hours=1)


def reap_engine(environment: str, ask: AskStates, now: dt.datetime) -> list[dict[str, str]]:
    """Stop what has no task, on the engine beside this worker; what was stopped. Other machines' engines are theirs."""
    from docker import APIClient

    client = APIClient(base_url=os.environ.get("DOCKER_HOST"), version="auto")
    sweep(client, environment)
    found = running_containers(client, environment)
    return reap(found, lambda container, _: client.stop(container), ask, now)


def sweep(client: APIClient, environment: str) -> list[str]:
    """Remove ended containers of the deployment, and their scratch volumes; their ids."""
    from docker.errors import APIError

    removed, now = [], dt.datetime.now(dt.UTC)
    for container in _inspected(client, environment):
        ended_at = moment(container["State"]["FinishedAt"])
        if container["State"]["Status"] not in ENDED or ended_at is None or now - ended_at < KEPT:
            continue
        try:
            client.remove_container(container["Id"], v=True)
        except APIError as error:  # another worker of this machine was faster
            log.debug("container %s not removed: %s", container["Id"], error)
        else:
            removed.append(str(container["Id"]))
    return removed


def running_containers(client: APIClient, environment: str) -> list[Container]:
    """All containers of the deployment that have not ended."""
    found = []
    for container in _inspected(client, environment):
        created = moment(container["Created"])
        if container["State"]["Status"] in (*ENDED, GOING) or created is None:
            continue
        environ = dict(pair.split("=", 1) for pair in container["Config"]["Env"] if "=" in pair)
        found.append(told(container["Id"], environ, created))
    return [container for container in found if container]


def _inspected(client: APIClient, environment: str) -> list[dict[str, Any]]:
    from docker.errors import NotFound

    found = []
    for one in client.containers(all=True, filters=filters(environment)):
        try:
            found.append(client.inspect_container(one["Id"]))
        except NotFound:
            log.debug("container %s has gone meanwhile", one["Id"])
    return found

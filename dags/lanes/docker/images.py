"""The task's image on this engine: what is there is used, what is not is pulled, from ECR with the worker's role."""

from __future__ import annotations

import base64
import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lanes.attempts.failures import Failure, Kind
from lanes.aws.calls import CallRefused

if TYPE_CHECKING:
    from docker import APIClient

log = logging.getLogger(__name__)

_ECR = re.compile(r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<path>.+)")


def ensure_image(client: APIClient, image: str) -> str:
    """The name that the engine knows `image` by, pulled where it does not have it.

    It is named by digest or content: what is there is right.
    """
    if _has(client, image):
        return image
    name, login = _where(image)
    if name != image and _has(client, name):
        return name
    log.info("pulling %s", name)
    _pull(client, name, login)
    return name


def _has(client: APIClient, image: str) -> bool:
    from docker.errors import ImageNotFound

    try:
        client.inspect_image(image)
    except ImageNotFound:
        return False
    return True


def _pull(client: APIClient, image: str, login: dict[str, str] | None) -> None:
    from docker.errors import APIError

    try:
        for said in client.pull(image, stream=True, decode=True, auth_config=login):
            if "error" in said:
                raise CallRefused(Failure(Kind.IMAGE, f"{image} cannot be pulled: {said['error']}"))
    except APIError as error:
        raise CallRefused(Failure(Kind.IMAGE, f"{image} cannot be pulled: {error.explanation or error}")) from error


def _where(image: str) -> tuple[str, dict[str, str] | None]:
    """By what name, and with what login, it is pulled: ECR says at which address it is a registry for the worker's own
    rights. Another registry's login is what the engine knows."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    place = _ECR.fullmatch(image)
    if place is None:
        return image, None
    try:
        answer: dict[str, Any] = boto3.client("ecr", region_name=place["region"]).get_authorization_token()
    except (BotoCoreError, ClientError) as error:
        raise CallRefused(Failure(Kind.IMAGE, f"{image}: the worker's role may not log in to ECR: {error}")) from error
    given = answer["authorizationData"][0]
    user, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    return f"{urlsplit(given['proxyEndpoint']).netloc}/{place['path']}", {"username": user, "password": password}

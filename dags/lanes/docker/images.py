"""The task's image on this engine: what is there is used, what is not is pulled, from ECR with the worker's role."""

from __future__ import annotations

import base64
import logging
import re
from typing import TYPE_CHECKING, Any

from lanes.attempts.failures import Failure, Kind
from lanes.aws.calls import CallRefused

if TYPE_CHECKING:
    from docker import APIClient

log = logging.getLogger(__name__)

_ECR = re.compile(r"(?P<registry>\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?)/")


def ensure_image(client: APIClient, image: str) -> None:
    """Pull `image` where the engine does not have it. It is named by digest or content: what is there is right."""
    from docker.errors import APIError, ImageNotFound

    try:
        client.inspect_image(image)
    except ImageNotFound:
        log.info("pulling %s", image)
    else:
        return
    try:
        for said in client.pull(image, stream=True, decode=True, auth_config=_login(image)):
            if "error" in said:
                raise CallRefused(Failure(Kind.IMAGE, f"{image} cannot be pulled: {said['error']}"))
    except APIError as error:
        raise CallRefused(Failure(Kind.IMAGE, f"{image} cannot be pulled: {error.explanation or error}")) from error


def _login(image: str) -> dict[str, str] | None:
    """The worker's own rights at ECR; for another registry what the engine knows (its own login)."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    place = _ECR.match(image)
    if place is None:
        return None
    try:
        answer: dict[str, Any] = boto3.client("ecr", region_name=place["region"]).get_authorization_token()
    except (BotoCoreError, ClientError) as error:
        raise CallRefused(Failure(Kind.IMAGE, f"{image}: the worker's role may not log in to ECR: {error}")) from error
    token = answer["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    return {"username": user, "password": password}

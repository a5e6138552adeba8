"""Calls of the Kubernetes API: in threads, patient with an API server that is busy or away; answers as plain JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from lanes.attempts.failures import Failure, Kind
from lanes.attempts.retries import backoff
from lanes.aws.calls import CallRefused

log = logging.getLogger(__name__)

_PASSING = (401, 408, 429)  # 401: the token's quarter of an hour is over; the next call has a new one
WARN_EVERY_SECONDS = 60.0


class NotThere(RuntimeError):
    """The API server does not know the object."""


class AlreadyThere(RuntimeError):
    """There is an object of this name."""


async def call(function: Callable[..., Any], *arguments: Any, patience: float | None = None, **named: Any) -> Any:
    """The document that `function` (a method of CoreV1Api) answers with; text for a log.

    Raises NotThere, AlreadyThere, and CallRefused when the answer is final. `patience` in seconds (None = for ever).
    """
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    begun, warned, failures = time.monotonic(), 0.0, 0
    while True:
        try:
            answer = await asyncio.to_thread(function, *arguments, _preload_content=False, **named)
            body = answer.data.decode("utf-8", "replace")
            return json.loads(body) if answer.headers.get("Content-Type", "").startswith("application/json") else body
        except ApiException as error:
            if not (error.status in _PASSING or (error.status or 0) >= 500):
                raise _final(error) from error
            said = f"{error.status} {error.reason}"
        except HTTPError as error:
            said = f"{type(error).__name__}: {error}"
        now, failures = time.monotonic(), failures + 1
        if patience is not None and now - begun > patience:
            raise CallRefused(Failure(Kind.THROTTLE, f"the cluster does not answer: {said}"))
        if now - warned > WARN_EVERY_SECONDS:
            warned = now
            log.warning("the cluster does not answer: %s; asking again (%d so far)", said, failures)
        await asyncio.sleep(backoff(failures))


def _final(error: Any) -> Exception:
    try:
        message = str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        message = str(error.body or error.reason)
    if error.status == 404:
        return NotThere(message)
    if error.status == 409:
        return AlreadyThere(message)
    if error.status == 403 and "exceeded quota" in message:
        return CallRefused(Failure(Kind.CAPACITY, message))
    fix = ""
    if error.status in (401, 403):
        fix = "; give the cluster our objects: `tasklane kubernetes objects --env <environment> | kubectl apply -f -`"
    return CallRefused(Failure(Kind.REFUSED, f"the cluster refused the pod: {message}{fix}"))

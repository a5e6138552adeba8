"""Calls of the Kubernetes API: in threads, patient with an API server that is busy or away; answers as plain JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lanes.attempts.failures import Failure, Kind
from lanes.attempts.retries import backoff
from lanes.aws.calls import CallRefused, failure_of
from lanes.kubernetes.cluster import Cluster

log = logging.getLogger(__name__)

_UNAUTHORISED, _PASSING = 401, (408, 429)
# For a token that has just ended, and for an access entry that was just made.
ACCESS_PATIENCE_SECONDS = 120.0
WARN_EVERY_SECONDS = 60.0
_APPLY = "give the cluster our objects: `tasklane kubernetes objects --env <environment> | kubectl apply -f -`"


class NotThere(RuntimeError):
    """The API server does not know the object."""


class AlreadyThere(RuntimeError):
    """There is an object of this name."""


async def call(cluster: Cluster, method: str, *, patience: float | None = None, **named: Any) -> Any:
    """The document that a method of CoreV1Api answers with; text for a log.

    Raises NotThere, AlreadyThere, and CallRefused when the answer is final. `patience` in seconds (None = for ever).
    """
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    begun, warned, failures = time.monotonic(), 0.0, 0
    while True:
        bound = patience
        try:
            answer = await asyncio.to_thread(_ask, cluster, method, named)
            body = answer.data.decode("utf-8", "replace")
            return json.loads(body) if answer.headers.get("Content-Type", "").startswith("application/json") else body
        except ApiException as error:
            failure = Failure(Kind.THROTTLE, f"the cluster does not answer: {error.status} {error.reason}")
            if error.status == _UNAUTHORISED:
                cluster.forget_token()
                bound, failure = ACCESS_PATIENCE_SECONDS, _stranger(cluster)
            elif not (error.status in _PASSING or (error.status or 0) >= 500):
                raise _final(error) from error
        except HTTPError as error:
            failure = Failure(Kind.THROTTLE, f"the cluster does not answer: {type(error).__name__}: {error}")
        except (ClientError, BotoCoreError) as error:  # the way to the cluster, from EKS
            failure = failure_of(error)
            if failure.kind is not Kind.THROTTLE:
                raise CallRefused(failure) from error
        now, failures = time.monotonic(), failures + 1
        if bound is not None and now - begun > bound:
            raise CallRefused(failure)
        if now - warned > WARN_EVERY_SECONDS:
            warned = now
            log.warning("%s; asking again (%d so far)", failure.headline, failures)
        await asyncio.sleep(backoff(failures))


def _ask(cluster: Cluster, method: str, named: dict[str, Any]) -> Any:
    return getattr(cluster.core(), method)(_preload_content=False, **named)


def _stranger(cluster: Cluster) -> Failure:
    why = f"cluster {cluster.name!r} does not take the token of Airflow's role"
    fix = "it needs an access entry (`tasklane deploy` makes it), and the cluster an authentication mode with them"
    return Failure(Kind.REFUSED, f"{why}; {fix}")


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
    fix = f"; {_APPLY}" if error.status == 403 else ""
    return CallRefused(Failure(Kind.REFUSED, f"the cluster refused the call: {message}{fix}"))

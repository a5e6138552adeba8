"""Calls of the engine's API: in threads, patient while the engine restarts, with its own words when it refuses."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from lanes.attempts.failures import Failure, Kind
from lanes.attempts.retries import backoff
from lanes.aws.calls import CallRefused

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0


class NotThere(CallRefused):
    """The engine has no such container (any more)."""


async def call(function: Callable[..., Any], *arguments: Any, refused: Kind = Kind.REFUSED, **named: Any) -> Any:
    """The answer, asked for again while nobody answers.

    Raises CallRefused: NotThere, or of the class `refused` for what the engine does not do.
    """
    from docker.errors import APIError, NotFound
    from requests.exceptions import ConnectionError as NoAnswer
    from requests.exceptions import Timeout

    begun, failures = time.monotonic(), 0
    while True:
        try:
            return await asyncio.to_thread(function, *arguments, **named)
        except NotFound as error:
            raise NotThere(Failure(Kind.LOST, f"removed from the engine: {error.explanation}")) from error
        except APIError as error:
            raise CallRefused(Failure(refused, str(error.explanation or error))) from error
        except (NoAnswer, Timeout) as error:
            if time.monotonic() - begun > PATIENCE_SECONDS:
                why = f"the container engine has not answered for {PATIENCE_SECONDS:.0f} s: {error}"
                raise CallRefused(Failure(Kind.LOST, why)) from error
            log.warning("the container engine does not answer (%s); asking again", error)
        failures += 1
        await asyncio.sleep(backoff(failures))

"""AWS calls of one process: in threads, within a budget per kind of call, patient with throttling and outages."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    ResponseStreamingError,
)
from botocore.exceptions import (
    ConnectionError as AwsConnectionError,
)
from botocore.parsers import ResponseParserError

from lanes.attempts.failures import Failure, Kind, of_text
from lanes.attempts.retries import Budget, backoff

log = logging.getLogger(__name__)

# Per process. RunTask is limited to 20 per second and account, DescribeTasks and ListTasks share the cluster-read
# bucket, FilterLogEvents is limited to 5-25 per second and account (by Region), shared with everything that reads logs.
CALLS_PER_SECOND = {
    "run_task": 10.0,
    "stop_task": 10.0,
    "describe_tasks": 0.8,
    "list_tasks": 5.0,
    "filter_log_events": 2.0,
    "submit_job": 20.0,  # limited to 50 per second and account
    "terminate_job": 10.0,
    "describe_jobs": 4.0,  # no figure is published; the poller asks every two seconds at most
    "list_jobs": 8.0,
    "list_pods": 1.0,  # of a Kubernetes cluster: one answer has all pods of the deployment
    "create_log_stream": 5.0,
    "put_log_events": 5.0,
    "get_object": 50.0,
    "put_object": 20.0,
}
_BURST = {"run_task": 10, "stop_task": 10, "list_tasks": 10, "get_object": 20}
_BURST |= {"submit_job": 10, "terminate_job": 10, "list_jobs": 10, "put_object": 10}
_THREADS = 8
_WARN_EVERY_SECONDS = 60.0

_PASSING_CODES = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"),
        *("RequestLimitExceeded", "TooManyRequestsException", "SlowDown", "BandwidthLimitExceeded"),
        *("EC2ThrottledException", "ServerException", "InternalError", "InternalFailure", "InternalServerError"),
        *("ServiceUnavailable", "ServiceUnavailableException"),
        # Credentials of the role rotate; boto3 fetches new ones with the next call.
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
    }
)


# No answer, a broken one, or the role's credentials not served at the moment.
_PASSING_ERRORS = (
    *(AwsConnectionError, HTTPClientError, IncompleteReadError, ResponseStreamingError, ResponseParserError),
    *(CredentialRetrievalError, MetadataRetrievalError),
)


class CallRefused(RuntimeError):
    """AWS answered, and the answer is final: `failure` says what it means."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.headline)
        self.failure = failure

    @property
    def already_started(self) -> list[str]:
        """The tasks behind a ConflictException: our token, but a request that newer code words differently."""
        response: dict[str, Any] = getattr(self.__cause__, "response", {})
        if response.get("Error", {}).get("Code") != "ConflictException":
            return []
        return list(response.get("resourceIds", []))


def failure_of(error: ClientError | BotoCoreError) -> Failure:
    """What an exception of an AWS call means."""
    if isinstance(error, BotoCoreError):
        passing = isinstance(error, _PASSING_ERRORS)
        return Failure(Kind.THROTTLE if passing else Kind.REFUSED, f"{type(error).__name__}: {error}")
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", "") or str(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if of_text(message) is Kind.CAPACITY:
        return Failure(Kind.CAPACITY, message)
    if code in _PASSING_CODES or status == 429 or status >= 500 or "rate exceeded" in message.lower():
        return Failure(Kind.THROTTLE, f"{code}: {message}")
    return Failure(Kind.REFUSED, f"AWS refused {error.operation_name}: {code}: {message}")


def _may_be_done(error: ClientError | BotoCoreError) -> bool:
    """Whether AWS may have carried out a call that ended so: it failed on AWS's side, or its answer was lost."""
    if isinstance(error, BotoCoreError):
        return not isinstance(error, EndpointConnectionError | ConnectTimeoutError | CredentialRetrievalError)
    return bool(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500)


class AwsCalls:
    """The clients of one account and Region, shared by all tasks of this process."""

    def __init__(self, clients: dict[str, Any]) -> None:
        self._clients = clients
        self._budgets = {name: Budget(rate, _BURST.get(name, 1)) for name, rate in CALLS_PER_SECOND.items()}
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="lanes-aws")

    async def turn(self, budget: str) -> None:
        """Wait for the right to make one call; pass `paid=True` to call."""
        await self._budgets[budget].take()

    async def call(
        self,
        service: str,
        method: str,
        *,
        patience: float | None = None,
        paid: bool = False,
        in_doubt: Callable[[], Awaitable[Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        """The answer of `method`, asked for again as long as AWS throttles, fails or does not answer.

        A call that is not idempotent needs `in_doubt`: where AWS may have carried out a call although it failed, the
        call is not repeated if this finds its answer (None: it was not carried out). `patience` in seconds (None = for
        ever) limits the asking. Raises CallRefused for every other error.
        """
        budget, begun, failures, warned = self._budgets[method], time.monotonic(), 0, 0.0
        while True:
            if not paid:
                await budget.take()
            paid = False
            try:
                answer = await self._in_thread(partial(getattr(self._clients[service], method), **kwargs))
            except (ClientError, BotoCoreError) as error:
                failure, now = failure_of(error), time.monotonic()
                if failure.kind is not Kind.THROTTLE:
                    budget.answered()
                    raise CallRefused(failure) from error
                if isinstance(error, ClientError):
                    budget.throttled()
                if patience is not None and now - begun > patience:
                    raise CallRefused(failure) from error
                doubtful = _may_be_done(error)
            else:
                budget.answered()
                return answer
            failures += 1
            if now - warned > _WARN_EVERY_SECONDS:
                warned = now
                log.warning("%s: %s; asking again (%d so far)", method, failure.reason, failures)
            await asyncio.sleep(backoff(failures))
            if in_doubt and doubtful and (found := await in_doubt()) is not None:
                return found

    async def _in_thread(self, function: Callable[[], Any]) -> Any:
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._threads, context.run, function)


def make_clients(region: str, aws_conn_id: str | None) -> dict[str, Any]:
    """The clients an attempt needs. Without a connection id the process's own role is used: no connection look-up."""
    # Our own budget does the retrying: botocore's would hide throttling from it.
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=5,
        read_timeout=20,
        max_pool_connections=_THREADS,
    )
    if aws_conn_id:
        from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook

        session = AwsGenericHook(aws_conn_id=aws_conn_id, region_name=region).get_session(region_name=region)
    else:
        import boto3

        session = boto3.session.Session(region_name=region)
    return {name: session.client(name, config=config) for name in ("ecs", "batch", "logs", "s3")}

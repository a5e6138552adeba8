"""Our own routes: health, credentials of services, container credentials. Those that act need the start's token."""

import asyncio
import hmac
import re

from ministack.core.responses import request_scope

from local.aws.iam.sessions import TrustError, check_trust
from local.aws.options import ACCOUNT
from local.aws.platform import Platform
from local.aws.responses import Receive, Scope, Send, answer, header, read_json
from local.aws.sns.subscriptions import Unknown, confirm

_ROLE_ARN = re.compile(r"arn:aws:iam::\d{12}:role/[\w+=,.@/-]+")
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")


async def handle(platform: Platform, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a `/_tasklane/` request."""
    method, path = scope["method"], scope["path"].removeprefix("/_tasklane/")
    if path == "health":
        await answer(send, 200, {"status": "ready", **platform.health()})
    elif path.startswith("role/"):
        await _role(platform, path.removeprefix("role/"), scope, send)
    elif not hmac.compare_digest(header(scope, b"authorization").encode(), platform.options.token.encode()):
        await answer(send, 403, {"message": "header authorization must carry the emulator's token"})
    elif path == "credentials" and method == "POST":
        await _credentials(platform, receive, send)
    elif path == "airflow" and method == "POST":
        await _airflow(platform, receive, send)
    elif path == "cluster" and method == "POST":
        await _cluster(platform, receive, send)
    elif path == "confirm" and method == "POST":
        await _confirm(receive, send)
    elif path == "faults":
        await _faults(platform, method, receive, send)
    else:
        await answer(send, 404, {"message": f"no route {method} /_tasklane/{path}"})


async def _role(platform: Platform, credential_id: str, scope: Scope, send: Send) -> None:
    status, document = platform.credentials.read(credential_id, header(scope, b"authorization"))
    await answer(send, status, document)


async def _credentials(platform: Platform, receive: Receive, send: Send) -> None:
    """Credentials of a role for a service; `source_arn`: on behalf of which resource (aws:SourceArn in the trust)."""
    try:
        asked = await read_json(receive)
        role, service = str(asked["role_arn"]), str(asked["service"])
        context = {"aws:SourceArn": str(asked["source_arn"])} if asked.get("source_arn") else {}
    except (ValueError, KeyError, TypeError):
        await answer(
            send, 400, {"message": 'the body must be JSON: {"role_arn": "arn:…", "service": "….amazonaws.com"}'}
        )
        return
    if not _ROLE_ARN.fullmatch(role) or not _SERVICE.fullmatch(service):
        await answer(send, 400, {"message": f"not a role ARN and a service principal: {role!r}, {service!r}"})
        return
    try:
        with request_scope(ACCOUNT, "us-east-1"):  # IAM is global: the Region does not matter
            check_trust(role, service, context)
    except TrustError as error:
        await answer(send, 403, {"message": str(error)})
        return
    session = f"{service.split('.')[0]}-{role.rsplit('/', 1)[-1]}"[:64]
    full_uri, token = platform.credentials.issue(role, session, {"environment_role": role}, durable=True)
    await answer(send, 200, {"full_uri": full_uri, "authorization_token": token})


async def _airflow(platform: Platform, receive: Receive, send: Send) -> None:
    """Where the Airflow of an MWAA environment answers: {"environment": "tasklane-local", "url": "http://127.0.0.1:…"}."""
    try:
        told = await read_json(receive)
        environment, url = str(told["environment"]), str(told["url"])
    except (ValueError, KeyError, TypeError):
        await answer(send, 400, {"message": 'the body must be JSON: {"environment": "…", "url": "http://127.0.0.1:…"}'})
        return
    if url and not url.startswith("http://127.0.0.1:"):
        await answer(send, 400, {"message": f"only an Airflow on loopback can be announced, not {url!r}"})
        return
    platform.airflows.announce(environment, url)
    await answer(send, 200, {"environment": environment, "url": url})


async def _cluster(platform: Platform, receive: Receive, send: Send) -> None:
    """A Kubernetes cluster of this machine is an EKS cluster; answers where its API server has tokens reviewed.

    Its name, account, region, endpoint, certificate_authority (base64), issuer, keys (JWKs of service account tokens).
    """
    try:
        told = await read_json(receive)
        if not told["endpoint"].startswith("https://127.0.0.1:"):
            await answer(
                send, 400, {"message": f"only a cluster on loopback can be announced, not {told['endpoint']!r}"}
            )
            return
        path = platform.clusters.announce(told)
    except (ValueError, KeyError, TypeError) as error:
        await answer(send, 400, {"message": f"the body must be JSON that describes a cluster: {error!r}"})
        return
    await answer(send, 200, {"authenticator": f"{platform.options.endpoint}{path}"})


async def _confirm(receive: Receive, send: Send) -> None:
    """The owner of an address confirms a subscription: {"topic_arn": "arn:aws:sns:…", "endpoint": "someone@…"}."""
    try:
        told = await read_json(receive)
        topic, endpoint = str(told["topic_arn"]), str(told["endpoint"])
        account, region = topic.split(":")[4], topic.split(":")[3]
    except (ValueError, KeyError, TypeError, IndexError):
        await answer(send, 400, {"message": 'the body must be JSON: {"topic_arn": "arn:aws:sns:…", "endpoint": "…"}'})
        return
    try:
        with request_scope(account, region):
            confirm(topic, endpoint)
    except Unknown as error:
        await answer(send, 404, {"message": str(error)})
        return
    await answer(send, 200, {"topic_arn": topic, "endpoint": endpoint})


async def _faults(platform: Platform, method: str, receive: Receive, send: Send) -> None:
    if method == "GET":
        await answer(send, 200, platform.faults.describe())
    elif method == "DELETE":
        platform.faults.clear()
        await answer(send, 200, platform.faults.describe())
    elif method == "POST":
        try:
            added = await asyncio.to_thread(platform.faults.add, await read_json(receive))
        except ValueError as error:
            await answer(send, 400, {"message": str(error)})
            return
        await answer(send, 200, added)
    else:
        await answer(send, 405, {"message": "allowed: GET, POST, DELETE"})

"""InvokeRestApi: one call of Airflow's REST API, made by MWAA for an IAM principal.

Source: Amazon MWAA API Reference, InvokeRestApi: Path and QueryParameters without /api/v2; 10 seconds, 6 MB; an answer
of Airflow above 399 comes back as RestApiClientException or RestApiServerException with Airflow's status and body.
"""

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from ministack.core.responses import json_response
from ministack.services import mwaa

SECONDS = 10
LARGEST_ANSWER_BYTES = 6_000_000
_METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")

Answer = tuple[int, dict[str, str], bytes]


class Airflows:
    """Address of the running Airflow of each environment."""

    def __init__(self) -> None:
        self._urls: dict[str, str] = {}

    def announce(self, environment: str, url: str) -> None:
        """From now on, calls for `environment` go to `url` (http://127.0.0.1:port); "" = it stopped."""
        self._urls[environment] = url.rstrip("/")

    def url(self, environment: str) -> str:
        return self._urls.get(environment, "")


class RestApi:
    """The handler."""

    def __init__(self, airflows: Airflows) -> None:
        self._airflows = airflows

    async def handle(self, method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Answer:
        """One InvokeRestApi request; permissions were judged by the router."""
        name = path.rstrip("/").rsplit("/", 1)[-1]
        asked = json.loads(body) if body else {}
        if name not in mwaa._environments:
            return _error("ResourceNotFoundException", f"Environment {name} not found", 404)
        if asked.get("Method") not in _METHODS:
            return _error("ValidationException", f"Method must be one of {', '.join(_METHODS)}", 400)
        url = self._airflows.url(name)
        if not url:
            return _error("ValidationException", f"Environment {name}: no Airflow web server runs", 400)
        return await asyncio.to_thread(_call, url, asked)


def _call(url: str, asked: dict[str, Any]) -> Answer:
    try:
        status, answer = _airflow(url, asked)
    except OSError as error:  # refused, reset, timed out: the web server is there for nobody
        return _error("InternalServerException", f"the Airflow web server does not answer: {error}", 500)
    if status < 400:
        return json_response({"RestApiStatusCode": status, "RestApiResponse": answer})
    kind = "RestApiClientException" if status < 500 else "RestApiServerException"
    return _error(kind, f"Airflow answered {status}", 400, RestApiStatusCode=status, RestApiResponse=answer)


def _airflow(url: str, asked: dict[str, Any]) -> tuple[int, object]:
    with urllib.request.urlopen(f"{url}/auth/token", timeout=SECONDS) as login:  # noqa: S310 (loopback)
        token = json.load(login)["access_token"]
    query = urllib.parse.urlencode(asked.get("QueryParameters") or {}, doseq=True)
    request = urllib.request.Request(  # noqa: S310 (loopback)
        f"{url}/api/v2{asked['Path']}{'?' if query else ''}{query}",
        method=asked["Method"],
        data=json.dumps(asked["Body"]).encode() if asked.get("Body") is not None else None,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 (loopback)
            content = answer.read(LARGEST_ANSWER_BYTES + 1)
            if len(content) > LARGEST_ANSWER_BYTES:  # how MWAA says it is not documented
                return 502, {"detail": f"the answer has more than {LARGEST_ANSWER_BYTES} bytes"}
            return answer.status, _document(content)
    except urllib.error.HTTPError as error:
        return error.code, _document(error.read(LARGEST_ANSWER_BYTES))


def _document(content: bytes) -> object:
    try:
        return json.loads(content or b"{}")
    except ValueError:
        return {"body": content.decode(errors="replace")}


def _error(kind: str, message: str, status: int, **more: object) -> Answer:
    headers = {"Content-Type": "application/json", "x-amzn-errortype": kind}
    return status, headers, json.dumps({"__type": kind, "message": message, **more}).encode()

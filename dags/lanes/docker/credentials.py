"""Credentials of the task's role for its container, from an address on this machine's loopback.

Source: AWS SDKs and Tools Reference Guide, "Container credential provider": GET with header Authorization, answered
with AccessKeyId, SecretAccessKey, Token and Expiration; SDKs ask again before the end, so a task may run for days on
sessions of an hour. The container's environment holds the address and a token that is good for nothing else.
"""

from __future__ import annotations

import datetime as dt
import hmac
import json
import logging
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

URI, TOKEN = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"
_PATH = "/credentials"
# SDKs begin to ask for new ones 15 minutes before the end.
_RENEWED_BEFORE = dt.timedelta(minutes=20)


class CredentialsAddress:
    """One address for one attempt. `take_on` is AssumeRole: its answer's Credentials."""

    def __init__(self, take_on: Callable[[], dict[str, Any]]) -> None:
        self._take_on = take_on
        self._lock = threading.Lock()
        self._session: dict[str, Any] = {}
        self._server: ThreadingHTTPServer | None = None
        self._token = ""

    def open(self) -> dict[str, str]:
        """Serve it; what the container must be told. Raises what AssumeRole raises, before anything is started."""
        self._current()
        if self._server is None:
            self._serve(0, secrets.token_urlsafe(24))
        assert self._server is not None  # noqa: S101 (_serve made it)
        return {URI: f"http://127.0.0.1:{self._server.server_port}{_PATH}", TOKEN: self._token}

    def open_again(self, environment: dict[str, str]) -> None:
        """Serve what a container was told by a worker that is gone."""
        port = urlsplit(environment.get(URI, "")).port
        if self._server is not None or port is None:
            return
        try:
            self._serve(port, environment.get(TOKEN, ""))
        except OSError as error:
            log.warning(
                "port %d of this machine is taken (%s): the container's credentials end within the hour and cannot be "
                "renewed", port, error,
            )  # fmt: skip

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _serve(self, port: int, token: str) -> None:
        self._token = token
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self._answer))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="lanes-credentials", daemon=True).start()

    def _answer(self, path: str, token: str) -> tuple[int, dict[str, str]]:
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return 403, {"code": "AccessDenied", "message": "wrong authorization token"}
        if path != _PATH:
            return 404, {"code": "NotFound", "message": f"only {_PATH} is served"}
        try:
            session = self._current()
        except Exception as error:  # noqa: BLE001 (the container must get an answer, whatever it is)
            return 500, {"code": type(error).__name__, "message": f"the worker cannot take on the role: {error}"}
        return 200, {
            "AccessKeyId": session["AccessKeyId"],
            "SecretAccessKey": session["SecretAccessKey"],
            "Token": session["SessionToken"],
            "Expiration": session["Expiration"].astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _current(self) -> dict[str, Any]:
        with self._lock:
            if not self._session or self._session["Expiration"] - dt.datetime.now(dt.UTC) < _RENEWED_BEFORE:
                self._session = self._take_on()
            return self._session


def _handler(answer: Callable[[str, str], tuple[int, dict[str, str]]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, document = answer(self.path, self.headers.get("Authorization", ""))
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Who asks, and when, is in CloudTrail."""

    return Handler

"""Between Airflow and the emulator: counts the calls, and spoils some of them by a seeded rule.

Spoiled are calls to ECS and CloudWatch Logs only. Faults: `throttle` (400 ThrottlingException, not passed on), `server`
(500 ServerException, not passed on), `lost` (passed on, and the answer thrown away with the connection).
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

FAULTS = ("throttle", "server", "lost")
# action, random number from [0, 1) -> fault or None
Rule = Callable[[str, random.Random], str | None]


class AwsProxy:
    """Serves on `url`; `calls` and `faults` count by action."""

    def __init__(self, upstream_port: int, seed: int = 0) -> None:
        self.calls: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.moments: list[tuple[float, str]] = []
        self.rule: Rule = lambda action, chance: None
        self._chance = random.Random(seed)  # noqa: S311 (a schedule of faults)
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self, "upstream_port": upstream_port})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def seen(self, action: str) -> str | None:
        """Count the call; the fault that hits it."""
        with self._lock:
            self.calls[action] += 1
            self.moments.append((time.monotonic(), action))
            fault = self.rule(action, self._chance)
            if fault:
                self.faults[f"{fault} {action}"] += 1
            return fault

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def random_faults(share: float) -> Rule:
    """Every fault on every kind of call, `share` of all calls."""

    def rule(action: str, chance: random.Random) -> str | None:
        return chance.choice(FAULTS) if chance.random() < share else None

    return rule


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ClassVar[AwsProxy]
    upstream_port: ClassVar[int]

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        target = self.headers.get("x-amz-target", "")
        action = target.rsplit(".", 1)[-1]
        fault = self.proxy.seen(action) if target.startswith(("AmazonEC2ContainerService", "Logs_")) else None
        if fault in ("throttle", "server"):
            self._refuse(*((400, "ThrottlingException") if fault == "throttle" else (500, "ServerException")))
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream_port, timeout=60)
        try:
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            content = answer.read()
        except OSError:  # the emulator is down: so is AWS
            self.close_connection = True
            return
        finally:
            upstream.close()
        if fault == "lost":
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "server", "date"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _refuse(self, status: int, code: str) -> None:
        content = json.dumps({"__type": code, "message": "Rate exceeded"}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _pass_on

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""

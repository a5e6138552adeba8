"""A stand-in for EKS and for a Kubernetes API server, over HTTP. It is no cluster: nothing runs.

It answers what the lane asks (DescribeCluster; create, list, patch, delete pods; read a log) with the status codes and
documents of the real one (as cluster/test_api_server.py found them), keeps names unique and forgets deleted pods. What
kubelet and scheduler would report, a test says itself, in the words of the Kubernetes documentation. It is for where no
API server can be had, and for what a real one does seldom: an API server that does not answer.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

NAMESPACE = "tasklane-dev"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
Pod = dict[str, Any]


def now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class ApiServer:
    """`pods` by name; `kubelet` is told of each new one.

    `deaf` answers 503 so many times; without `knows_airflow` every token is refused.
    """

    def __init__(self) -> None:
        self.pods: dict[str, Pod] = {}
        self.logs: dict[str, str] = {}
        self.created = 0
        self.deleted: list[tuple[str, int]] = []
        self.annotated: dict[str, dict[str, str]] = {}
        self.knows_airflow = True
        self.tokens: list[str] = []
        self.service_accounts = {"probe"}
        self.deaf = 0
        self.kubelet: Callable[[Pod], None] = lambda pod: None
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def runs(self, name: str, *lines: str) -> None:
        self.logs[name] = "".join(f"{now()[:-1]}.000000{number:03}Z {line}\n" for number, line in enumerate(lines))
        self._state(name, "Running", {"running": {"startedAt": now()}})

    def ends(self, name: str, code: int, word: str = "", **status: Any) -> None:
        word = word or ("Completed" if code == 0 else "Error")
        ended = {"terminated": {"exitCode": code, "reason": word, "startedAt": now(), "finishedAt": now()}}
        self._state(name, "Failed" if code else "Succeeded", ended, **status)

    def waits(self, name: str, word: str, message: str, seconds: float) -> None:
        made = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds)
        self.pods[name]["metadata"]["creationTimestamp"] = made.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._state(name, "Pending", {"waiting": {"reason": word, "message": message}})

    def _state(self, name: str, phase: str, state: dict[str, Any], **status: Any) -> None:
        with self._lock:
            self.pods[name]["status"] = {"phase": phase, "containerStatuses": [{"state": state}], **status}

    def answer(self, method: str, target: str, token: str, body: Any) -> tuple[int, Any]:
        path, asked = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if path.startswith("/clusters/"):
            return 200, {"cluster": {"name": path.rpartition("/")[2], "endpoint": self.endpoint}}
        self.tokens.append(token)
        with self._lock:
            if not self.knows_airflow:
                return 401, _status(401, "Unauthorized", "Unauthorized")
            if self.deaf:
                self.deaf -= 1
                return 503, _status(503, "ServiceUnavailable", "apiserver not ready")
            if method == "POST" and path == PODS:
                return self._create(body)
            if method == "GET" and path == PODS:
                wanted = dict(pair.split("=") for pair in asked["labelSelector"][0].split(","))
                found = [pod for pod in self.pods.values() if wanted.items() <= pod["metadata"]["labels"].items()]
                return 200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": found}
            name = path.removeprefix(PODS + "/").removesuffix("/log")
            if name not in self.pods:
                return 404, _status(404, "NotFound", f'pods "{name}" not found')
            if method == "PATCH":
                self.annotated[name] = body["metadata"]["annotations"]
                self.pods[name]["metadata"]["annotations"] |= self.annotated[name]
                return 200, self.pods[name]
            if method == "DELETE":
                self.deleted.append((name, (body or {}).get("gracePeriodSeconds", asked.get("gracePeriodSeconds"))))
                return 200, self.pods.pop(name)
            return 200, self.logs.get(name, "")

    def _create(self, pod: Pod) -> tuple[int, Any]:
        name, account = pod["metadata"]["name"], pod["spec"]["serviceAccountName"]
        if account not in self.service_accounts:
            missing = f'error looking up service account {NAMESPACE}/{account}: serviceaccount "{account}" not found'
            return 403, _status(403, "Forbidden", f'pods "{name}" is forbidden: {missing}')
        if name in self.pods:
            return 409, _status(409, "AlreadyExists", f'pods "{name}" already exists')
        self.created += 1
        pod["metadata"]["creationTimestamp"] = now()
        pod["status"] = {"phase": "Pending"}
        self.pods[name] = pod
        threading.Thread(target=self.kubelet, args=(pod,), daemon=True).start()
        return 201, pod


def _status(code: int, reason: str, message: str) -> dict[str, Any]:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**status, "message": message, "reason": reason, "code": code}


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, found = server.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            content = found.encode() if isinstance(found, str) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(found, str) else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    return Handler

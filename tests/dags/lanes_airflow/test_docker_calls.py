"""What the engine answers when a container is gone, against an engine's API of one answer (no engine is needed)."""

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import docker
import pytest

from lanes.attempts.failures import Kind
from lanes.docker.calls import NotThere, call


class Empty(BaseHTTPRequestHandler):
    """An engine without any container."""

    def _nothing(self):
        body = b'{"message": "No such container: gone"}'
        self.send_response(404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _nothing

    def log_message(self, *_):
        pass


@pytest.fixture
def client():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield docker.APIClient(f"tcp://127.0.0.1:{server.server_port}", version="1.41")
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", ["start", "stop", "inspect_container", "remove_container"])
def test_a_container_that_somebody_removed_is_lost(client, name):
    with pytest.raises(NotThere) as raised:
        asyncio.run(call(getattr(client, name), "gone", refused=Kind.START))
    assert raised.value.failure.headline == "lost: removed from the engine: No such container: gone"

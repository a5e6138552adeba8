"""The ASGI application: our routes first, everything else to ministack.

- `/_tasklane/...`: health, credentials of services, faults (see admin.py)
- `/_tasklane/role/<id>`: the container credentials endpoint that SDKs read (credentials.py)
- ministack's own administration (`/_ministack/...`, `/_localstack/...`) is closed: it resets state without a check.
  Open is where API servers have tokens reviewed: that address is a secret of the cluster.
"""

import ipaddress

from ministack import app as ministack_app

from local.aws import admin
from local.aws.lost_answer import LostAnswer, drop_connection
from local.aws.platform import Platform
from local.aws.responses import Receive, Scope, Send, answer, header

_CLOSED = ("/_ministack/", "/_localstack/", "/_aws/")
_REVIEWS = "/_ministack/eks-auth/"

_HOSTS = ("127.0.0.1", "localhost")


def _from_this_machine(scope: Scope) -> bool:
    """False for a page in a browser (it sends Origin) and for a name that was rebound to loopback (another Host).

    Root signatures are not checked here, so any web page that the developer opens could act as root otherwise.
    """
    host = header(scope, b"host").rpartition(":")[0] or header(scope, b"host")
    ours = host in _HOSTS or host.endswith(tuple(f".{one}" for one in _HOSTS)) or _is_address(host)
    return not header(scope, b"origin") and ours


def _is_address(host: str) -> bool:
    """What no name can be rebound to: pods of a cluster on this machine call its bridge."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Gateway:
    """Routes a request; also tells when the emulator is ready."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] == "lifespan":
            await ministack_app.app(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/_tasklane/"):
            await admin.handle(self.platform, scope, receive, send)
        elif scope["type"] == "http" and not _from_this_machine(scope):
            await answer(send, 403, {"message": "requests of web pages and for other hosts are refused"})
        elif (scope["path"].startswith(_CLOSED) and not scope["path"].startswith(_REVIEWS)) or scope["type"] != "http":
            await answer(send, 404, {"message": "no such route"})
        else:
            await self._service(scope, receive, send)

    @staticmethod
    async def _service(scope: Scope, receive: Receive, send: Send) -> None:
        # Loopback has no TLS. AWS endpoints do, and bucket policies deny requests without it (aws:SecureTransport):
        # requests to the emulator count as if they had come over TLS.
        scope = {**scope, "scheme": "https"}
        try:
            await ministack_app.app(scope, receive, send)
        except LostAnswer:
            await drop_connection(send)

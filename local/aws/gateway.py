"""The ASGI application: our routes first, everything else to ministack.

- `/_tasklane/...`: health, credentials of services, faults (see admin.py)
- `/_tasklane/role/<id>`: the container credentials endpoint that SDKs read (credentials.py)
- ministack's own administration (`/_ministack/...`, `/_localstack/...`) is closed: it resets state without a check.
"""

from ministack import app as ministack_app

from local.aws import admin
from local.aws.lost_answer import LostAnswer, drop_connection
from local.aws.platform import Platform
from local.aws.responses import Receive, Scope, Send, answer

_CLOSED = ("/_ministack/", "/_localstack/", "/_aws/")


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
        elif scope["path"].startswith(_CLOSED) or scope["type"] != "http":
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

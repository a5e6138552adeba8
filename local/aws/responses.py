"""Small ASGI answers for our own routes."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_LARGEST_BODY_BYTES = 1 << 20


async def answer(send: Send, status: int, payload: object) -> None:
    """Send a JSON document."""
    body = json.dumps(payload).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_json(receive: Receive) -> Any:
    """The request's JSON body. Raises ValueError when it is not JSON or larger than 1 MiB."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _LARGEST_BODY_BYTES:
            raise ValueError("the body is larger than 1 MiB")
        if not message.get("more_body"):
            return json.loads(body or b"{}")


def header(scope: Scope, name: bytes) -> str:
    """The value of a header, or ''."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), "")

"""A fault that AWS clients must survive: the action happened, the connection ends before any answer."""

from typing import Any

from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.http_stream import ASGIHTTPState

from local.aws.responses import Send


class LostAnswer(Exception):
    """Raised after the action was done, in place of its answer."""


async def drop_connection(send: Send) -> None:
    """Close the connection without a byte: hypercorn's stream is told that it ended, which closes the transport."""
    stream: Any = send.__self__  # type: ignore[attr-defined]
    stream.state = ASGIHTTPState.CLOSED
    stream.closed = True
    await stream.send(StreamClosed(stream_id=stream.stream_id))

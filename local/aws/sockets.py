"""The one listening socket. It is bound before anything else starts, so that a taken port costs nothing."""

import errno
import socket


class PortTakenError(Exception):
    """Another program listens on the port."""


def listen(port: int) -> socket.socket:
    """Bind 127.0.0.1:port. Raises PortTakenError; connections made early wait in the queue until we are ready."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortTakenError(f"port {port} is taken on 127.0.0.1; free it or give another --port") from error
        raise
    listening.listen(512)
    return listening

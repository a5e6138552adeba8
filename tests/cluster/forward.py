"""A port of this machine's loopback, at another of its addresses: for pods, which have loopbacks of their own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def forwarded(address: str, port: int) -> Iterator[int]:
    """The port at `address` that leads to `port` of loopback."""
    with socket.create_server((address, 0)) as listening:
        threading.Thread(target=serve, args=(listening, port), daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def serve(listening: socket.socket, port: int) -> None:
    while True:
        try:
            caller, _ = listening.accept()
        except OSError:  # closed
            return
        there = socket.create_connection(("127.0.0.1", port))
        for one, other in ((caller, there), (there, caller)):
            threading.Thread(target=carry, args=(one, other), daemon=True).start()


def carry(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):  # one side has gone: the other learns of it
        while data := one.recv(1 << 16):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)

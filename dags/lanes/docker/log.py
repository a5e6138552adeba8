"""The container's lines from the engine, as they are written."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count

from lanes.aws.logs import END_PATIENCE_SECONDS, LogTail

log = logging.getLogger("lanes.container")

_LOOK_SECONDS = 0.1


class EngineLog:
    """`stream(container id)` gives the log from its beginning, in pieces, until the container ends; with timestamps."""

    def __init__(self, stream: Callable[[str], Iterable[bytes]]) -> None:
        self._stream = stream
        self._readers: dict[LogTail, threading.Thread] = {}

    def follow(self, tail: LogTail) -> None:
        if tail not in self._readers:
            # A daemon: a stream that never ends must not keep the worker's process.
            reader = threading.Thread(target=self._read, args=(tail,), name="lanes-log", daemon=True)
            self._readers[tail] = reader
            reader.start()

    def leave(self, tail: LogTail) -> None:
        self._readers.pop(tail, None)

    async def finish(self, tail: LogTail) -> None:
        self.follow(tail)
        reader, until = self._readers[tail], time.monotonic() + END_PATIENCE_SECONDS
        while reader.is_alive() and time.monotonic() < until:
            await tail.show()
            await asyncio.sleep(_LOOK_SECONDS)
        if reader.is_alive():
            tail.left_out = tail.left_out or "the engine did not send the end in time"
        self.leave(tail)
        await tail.show()
        if tail.full:
            tail.left_out = tail.left_out or "only so many are shown"
        if tail.left_out:
            log.warning("lines after the first %d are left out here (%s): ask the engine for the log of container %s",
                        tail.lines, tail.left_out, tail.stream)  # fmt: skip

    def _read(self, tail: LogTail) -> None:
        try:
            for event in _events(self._stream(tail.stream)):
                while not tail.readable and not tail.full:
                    time.sleep(_LOOK_SECONDS)
                if tail.full or tail not in self._readers:
                    return
                tail.take([event])
        except Exception as error:  # noqa: BLE001 (whatever it is, the container's end counts, not its log)
            tail.left_out = f"{type(error).__name__}: {error}"


def _events(pieces: Iterable[bytes]) -> Iterator[dict[str, object]]:
    """As CloudWatch gives them. A piece is `2026-11-20T17:14:21.123456789Z text`: a line, or a part of one that was
    written in parts, each with its own time; a line has the time of its first."""
    numbers, at, rest = count(), 0, ""
    for piece in pieces:
        stamp, text = _parted(piece.decode("utf-8", "replace"))
        at = at if rest else stamp
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            yield {"eventId": next(numbers), "timestamp": at, "message": line.rstrip("\r")}
    if rest:
        yield {"eventId": next(numbers), "timestamp": at, "message": rest}


def _parted(piece: str) -> tuple[int, str]:
    """Milliseconds since 1970, and the text."""
    stamp, _, text = piece.partition(" ")
    try:
        return int(dt.datetime.fromisoformat(stamp).timestamp() * 1000), text
    except ValueError:
        return int(dt.datetime.now(dt.UTC).timestamp() * 1000), piece

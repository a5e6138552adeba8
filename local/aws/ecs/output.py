"""From a container's output to its log stream: lines in order, none lost, written in batches.

Source: Amazon ECS Developer Guide, "Send Amazon ECS logs to CloudWatch" (stream name prefix/container/task id); Amazon
CloudWatch Logs API Reference, PutLogEvents (10,000 events and 1,048,576 bytes a call, each event 26 bytes more than its
message, 256 KiB an event). Reading stops while a batch is written: a fast writer is slowed down by its full pipe.
"""

import os
import time
from collections.abc import Callable

from local.aws.ecs.loop import Loop, Timer

Event = tuple[int, str]
Write = Callable[[list[Event]], None]
BATCH_SECONDS = 0.25
LARGEST_EVENT_BYTES = 256 * 1024 - 26
_BATCH_EVENTS = 10_000
_BATCH_BYTES = 1_048_576
_READ_BYTES = 1 << 16


class Output:
    """Reads one descriptor to its end; `write` gets lists of (milliseconds since the epoch, line)."""

    def __init__(self, loop: Loop, descriptor: int, write: Write, ended: Callable[[], None]) -> None:
        self._loop, self._descriptor, self._write, self._ended = loop, descriptor, write, ended
        self._rest = b""
        self._events: list[Event] = []
        self._bytes = 0
        self._flush_due: Timer | None = None
        self.open = True
        os.set_blocking(descriptor, False)
        loop.watch(descriptor, self._readable)

    def close(self) -> None:
        """Take what is still in the pipe, keep a last line without end, write it, stop reading."""
        while self.open and self._take():
            pass
        if self.open:
            self._end()

    def _readable(self) -> None:
        if not self._take() and self._at_end:
            self._end()

    def _take(self) -> bool:
        """Read once. False when there is nothing now, or nothing any more."""
        self._at_end = False
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return False
        self._at_end = not data
        if data:
            *lines, self._rest = (self._rest + data).split(b"\n")
            self._add(lines)
            if len(self._rest) > LARGEST_EVENT_BYTES:
                *pieces, self._rest = _pieces(self._rest)
                self._add(pieces)
        return bool(data)

    def _add(self, lines: list[bytes]) -> None:
        now = int(time.time() * 1000)
        for line in lines:
            for piece in _pieces(line.removesuffix(b"\r")):
                self._append((now, piece.decode(errors="replace")), len(piece) + 26)
        if self._events and self._flush_due is None:
            self._flush_due = self._loop.later(BATCH_SECONDS, self._flush)

    def _append(self, event: Event, size: int) -> None:
        if len(self._events) == _BATCH_EVENTS or self._bytes + size > _BATCH_BYTES:
            self._flush()
        self._events.append(event)
        self._bytes += size

    def _flush(self) -> None:
        if self._flush_due:
            self._flush_due.cancel()
        self._flush_due = None
        events, self._events, self._bytes = self._events, [], 0
        if events:
            self._write(events)

    def _end(self) -> None:
        self.open = False
        if self._rest:
            self._add([self._rest])
            self._rest = b""
        self._flush()
        self._loop.unwatch(self._descriptor)
        self._ended()


def _pieces(line: bytes) -> list[bytes]:
    """The line in pieces of at most one event, cut between characters (a UTF-8 character has at most 4 bytes)."""
    made = []
    while len(line) > LARGEST_EVENT_BYTES:
        end = next(
            (at for at in range(LARGEST_EVENT_BYTES, LARGEST_EVENT_BYTES - 4, -1) if line[at] & 0xC0 != 0x80),
            LARGEST_EVENT_BYTES,
        )
        made.append(line[:end])
        line = line[end:]
    return [*made, line]

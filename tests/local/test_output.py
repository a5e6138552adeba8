"""A container's output on its way to the log stream."""

import os
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from local.aws.ecs.loop import Loop
from local.aws.ecs.output import LARGEST_EVENT_BYTES, Output


class Stream:
    """Collects what is written, with the sizes of the batches."""

    def __init__(self, loop: Loop) -> None:
        reader, self.writer = os.pipe()
        self.batches: list[list[tuple[int, str]]] = []
        self.ended = Event()
        ready = Event()

        def start() -> None:
            self.output = Output(loop, reader, self.batches.append, self.ended.set)
            ready.set()

        loop.submit(start)
        ready.wait()

    @property
    def lines(self) -> list[str]:
        return [line for batch in self.batches for _, line in batch]

    def write(self, data: bytes, *, close: bool = True) -> None:
        """Write all of it, however long the reader takes, and wait for its end."""

        def writing() -> None:
            view = memoryview(data)
            while view:
                view = view[os.write(self.writer, view) :]
            if close:
                os.close(self.writer)

        thread = Thread(target=writing)
        thread.start()
        thread.join()
        if close:
            self.ended.wait()


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.stop()


def test_lines_arrive_in_order_and_the_last_needs_no_end(loop: Loop) -> None:
    stream = Stream(loop)
    stream.write(b"one\r\ntwo\n\nthree")
    assert stream.lines == ["one", "two", "", "three"]


def test_a_flood_is_written_in_batches_within_the_limits(loop: Loop) -> None:
    stream = Stream(loop)
    sent = [f"{number:07d} {'x' * 60}" for number in range(60_000)]
    stream.write("\n".join(sent).encode())
    assert stream.lines == sent
    assert max(map(len, stream.batches)) <= 10_000
    assert max(sum(len(line.encode()) + 26 for _, line in batch) for batch in stream.batches) <= 1_048_576


def test_a_line_longer_than_an_event_is_cut_and_nothing_lost(loop: Loop) -> None:
    stream = Stream(loop)
    long = "".join(chr(97 + index % 26) for index in range(3 * LARGEST_EVENT_BYTES + 5))
    stream.write(long.encode() + b"\nend\n")
    *pieces, last = stream.lines
    assert ("".join(pieces), last) == (long, "end")
    assert max(len(piece) for piece in pieces) <= LARGEST_EVENT_BYTES


def test_multibyte_text_stays_within_an_event_s_bytes(loop: Loop) -> None:
    stream = Stream(loop)
    long = "a" + "€" * LARGEST_EVENT_BYTES
    stream.write(long.encode() + b"\n")
    assert "".join(stream.lines) == long
    assert max(len(piece.encode()) for piece in stream.lines) <= LARGEST_EVENT_BYTES


def test_bytes_that_are_no_text_are_marked(loop: Loop) -> None:
    stream = Stream(loop)
    stream.write(b"\xff\xfe\n")
    assert stream.lines == ["\ufffd\ufffd"]


def test_close_takes_what_is_still_in_the_pipe(loop: Loop) -> None:
    stream = Stream(loop)
    stream.write(b"first\nsecond without end", close=False)
    loop.submit(stream.output.close)
    stream.ended.wait()
    os.close(stream.writer)
    assert stream.lines == ["first", "second without end"]

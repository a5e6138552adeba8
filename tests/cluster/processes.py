"""Programs that run as long as a test does, each with a log of its own."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_SECONDS = 180


class Program:
    """A started program; `tail` is the end of its log, for the reader of a failed test."""

    def __init__(self, argv: list[str], log: Path, **how: object) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(argv, stdout=output, stderr=output, **how)  # type: ignore[call-overload]

    @property
    def tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])

    def until(self, what: Callable[[], object]) -> None:
        """Wait for it; fails with the program's own words when it ends, or takes too long."""
        limit = time.monotonic() + PATIENCE_SECONDS
        while not what():
            assert self.process.poll() is None, f"{self._log.stem} has ended:\n{self.tail}"
            assert time.monotonic() < limit, f"{self._log.stem} is not ready:\n{self.tail}"
            time.sleep(0.2)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(argv: list[str], log: Path, **how: object) -> Iterator[Program]:
    """The program, while the block runs."""
    program = Program(argv, log, **how)
    try:
        yield program
    finally:
        program.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])

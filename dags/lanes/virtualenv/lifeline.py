"""What a program started ends with the Airflow task too, also when that is killed (SIGKILL) and can end nothing.

PR_SET_PDEATHSIG reaches the program, not its children. A guard waits at a pipe whose other end the Airflow task alone
has: when the task is gone, whichever way, the kernel closes it, and the guard kills the program's process group.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Self


class Lifeline:
    """In the Airflow task: a context around the program. `watch` is for the program's side, before it is executed."""

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()  # neither is inherited by what is executed
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._read)
        os.close(self._write)

    def watch(self) -> None:
        """Leave a guard behind. It is nobody's child: a program that waits for all its children must not meet it."""
        between = os.fork()
        if between:
            os.waitpid(between, 0)
            return
        if os.fork():
            os._exit(0)
        try:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a program that is asked to end may still start something
            for number in {int(name) for name in os.listdir("/proc/self/fd")} - {self._read}:
                with contextlib.suppress(OSError):  # the listing's own
                    os.close(number)
            with contextlib.suppress(OSError):
                os.read(self._read, 1)
            os.killpg(os.getpgrp(), signal.SIGKILL)  # itself too
        finally:
            os._exit(1)

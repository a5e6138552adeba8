"""One thread for all tasks: output pipes, process ends and timers, without polling.

A selector waits for pipes and process handles (pidfd, Linux); systems without pidfd check ends every 50 ms.
Callbacks run on this thread only, so that a task's state needs no lock; callers elsewhere hand work over by `submit`.
"""

import heapq
import itertools
import logging
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from subprocess import Popen
from typing import TypeVar

logger = logging.getLogger("tasklane.agent")
Callback = Callable[[], None]
Result = TypeVar("Result")
_END_CHECK_SECONDS = 0.05


class Timer:
    """A callback due at a monotonic time; `cancel` makes it do nothing."""

    def __init__(self, due: float, callback: Callback) -> None:
        self.due, self._callback = due, callback
        self._cancelled = False

    def cancel(self) -> None:
        """Never call back."""
        self._cancelled = True

    def fire(self) -> None:
        """Call back unless cancelled."""
        if not self._cancelled:
            self._callback()


class Loop:
    """The selector loop and its thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, self._drain_wakes)
        self._submitted: deque[Callback] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._stopping = False
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="tasklane-work")
        self._thread = threading.Thread(target=self._run, name="tasklane-agent", daemon=True)
        self._thread.start()

    def submit(self, callback: Callback) -> None:
        """Run the callback on the loop's thread soon, after everything submitted before."""
        self._submitted.append(callback)
        self._wake_writer.send(b"\0")

    def later(self, seconds: float, callback: Callback) -> Timer:
        """Run the callback after so many seconds (loop thread only)."""
        timer = Timer(time.monotonic() + seconds, callback)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    def watch(self, descriptor: int, callback: Callback) -> None:
        """Call back whenever the descriptor is readable, until `unwatch` (loop thread only)."""
        self._selector.register(descriptor, selectors.EVENT_READ, callback)

    def unwatch(self, descriptor: int) -> None:
        """Stop watching; the caller closes the descriptor."""
        self._selector.unregister(descriptor)

    def on_exit(self, process: Popen[bytes], callback: Callback) -> None:
        """Call back once when the process has ended (its return code is then known)."""
        if not hasattr(os, "pidfd_open"):
            self._check_exit(process, callback)
            return
        descriptor = os.pidfd_open(process.pid)

        def ended() -> None:
            self.unwatch(descriptor)
            os.close(descriptor)
            process.wait()
            callback()

        self.watch(descriptor, ended)

    def offload(self, work: Callable[[], Result], callback: Callable[[Result], None]) -> None:
        """Do blocking work (a container engine's command) in another thread, then call back here with its result."""

        def working() -> None:
            try:
                result = work()
            except Exception:
                logger.exception("task agent: work failed")
                raise
            self.submit(lambda: callback(result))

        self._pool.submit(working)

    def stop(self) -> None:
        """End the thread after what is submitted; returns when it has ended."""

        def stopping() -> None:
            self._stopping = True

        if self._thread.is_alive():
            self.submit(stopping)
            self._thread.join()
        self._pool.shutdown()

    def _check_exit(self, process: Popen[bytes], callback: Callback) -> None:
        if process.poll() is None:
            self.later(_END_CHECK_SECONDS, lambda: self._check_exit(process, callback))
        else:
            callback()

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(self._wait_seconds()):
                _guarded(key.data)
            while self._submitted:
                _guarded(self._submitted.popleft())
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                _guarded(heapq.heappop(self._timers)[2].fire)

    def _wait_seconds(self) -> float | None:
        if self._submitted:
            return 0
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _drain_wakes(self) -> None:
        try:
            while self._wake_reader.recv(4096):
                pass
        except BlockingIOError:
            return


def _guarded(callback: Callback) -> None:
    """A defect in one task's handling must not stop the others: it is logged with its traceback."""
    try:
        callback()
    except Exception:
        logger.exception("task agent: a callback failed")

"""What the end of the program means, in the words of all lanes; the user's own exception comes first."""

from __future__ import annotations

import signal

from lanes.attempts.failures import EXIT_BAD_INPUT, Failure, Kind
from lanes.attempts.last_words import reason, traceback_of
from lanes.virtualenv.process import Finished


def verdict(finished: Finished, timeout_seconds: float) -> Failure | None:
    """None is success: exit code 0."""
    if finished.timed_out:
        return Failure(Kind.TIMEOUT, f"ran longer than {timeout_seconds:.0f} s (timeout_minutes in task.toml)")
    if finished.exit_code == 0:
        return None
    if finished.exit_code == -signal.SIGKILL:
        used = f"it was seen to use {finished.most_memory_mib:.0f} MiB"
        return Failure(
            Kind.MEMORY, f"killed: the worker ran out of memory ({used}); heavier work belongs in a container"
        )
    if finished.exit_code < 0:
        name = signal.Signals(-finished.exit_code).name
        return Failure(Kind.STOPPED if name == "SIGTERM" else Kind.ERROR, f"ended by {name}")
    kind = Kind.INPUT if finished.exit_code == EXIT_BAD_INPUT else Kind.ERROR
    return Failure(kind, reason(finished.tail), finished.exit_code)


def message(failure: Failure, lane: str, finished: Finished) -> str:
    """First line: class of failure, exit code, class and message of the exception. Then the traceback."""
    shown = traceback_of(finished.tail) or list(finished.tail[-20:])
    memory = f", {finished.most_memory_mib:.0f} MiB" if finished.most_memory_mib else ""
    facts = f"lane {lane}, on the worker, ran {finished.seconds:.1f} s{memory}"
    return "\n".join([failure.headline, facts, *shown])

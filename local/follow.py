"""Shows how a local environment comes up, phase by phase, on any terminal."""

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console

from local.events import Events
from local.processes import LocalError, tail


def follow(events: Events, console: Console, *, alive: Callable[[], bool], offset: int = 0) -> list[dict[str, Any]]:
    """Print events until the environment is ready; returns them all. LocalError with the reason when it fails."""
    seen: list[dict[str, Any]] = []
    while True:
        was_alive = alive()
        fresh, offset = events.read(offset)
        for event in fresh:
            seen.append(event)
            _show(event, console)
            if event["kind"] == "ready":
                return seen
            if event["kind"] == "failed":
                raise LocalError(event["detail"])
            if event["kind"] == "stopped":
                raise LocalError("the local environment was stopped while it started")
        if not was_alive:
            log = events.path.parent / "supervisor.log"
            raise LocalError(f"the local environment's supervisor ended; the end of {log}:\n{tail(log)}")
        time.sleep(0.1)


def _show(event: dict[str, Any], console: Console) -> None:
    if event["kind"] == "begin":
        console.print(f"  … {event['phase']} {event['detail']}".rstrip(), style="dim")
    elif event["kind"] == "end":
        console.print(f"  ✓ {event['phase']} ({event['seconds']:.1f} s)")
    elif event["kind"] == "info":
        console.print(f"    {event['phase']}: {event['detail']}", style="dim", markup=False)

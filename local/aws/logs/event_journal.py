"""Log events written down at once, so that a kill of the emulator loses none: the service's snapshots come seldom.

One line of JSON per batch (account, Region, group, stream, events with their ids). A snapshot begins a new file and
deletes the older one when it has been saved: what it holds need not be read again.
"""

import contextvars
import json
import os
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch_logs

Json = dict[str, Any]
_writing: contextvars.ContextVar[Json | None] = contextvars.ContextVar("batch", default=None)


class EventJournal:
    """`path` takes the events since the last snapshot, `path`.old those since the one before while one is made."""

    def __init__(self, path: Path) -> None:
        self._path, self._old, self._lock = path, path.with_suffix(".old"), Lock()
        self._file = self._open()

    def install(self) -> None:
        """Write down what PutLogEvents and CreateLogStream store, whoever calls them."""
        put, create = cloudwatch_logs._put_log_events, cloudwatch_logs._create_log_stream
        append = cloudwatch_logs._append_log_events
        cloudwatch_logs._put_log_events = lambda data: _named(put, data)
        cloudwatch_logs._create_log_stream = lambda data: self._created(create, data)

        def appended(stream: Json, events: list[Json]) -> None:
            append(stream, events)
            if (where := _writing.get()) is not None:
                self._write(where, events)

        cloudwatch_logs._append_log_events = appended

    def before_snapshot(self) -> None:
        """What is written from now on may not be in the snapshot."""
        with self._lock:
            if self._old.exists():  # the last snapshot failed: its events are still needed
                with self._old.open("ab") as old:
                    old.write(self._path.read_bytes())
                self._path.unlink()
            else:
                self._path.replace(self._old)
            os.close(self._file)
            self._file = self._open()

    def after_snapshot(self) -> None:
        """The snapshot is saved: it holds all that was written before it."""
        self._old.unlink(missing_ok=True)

    def restore(self) -> None:
        """Give the service every event that its snapshot does not have."""
        for path in (self._old, self._path):
            for line in path.read_bytes().splitlines() if path.exists() else ():
                try:
                    batch = json.loads(line)
                except ValueError:  # the last line of a killed process may be cut off
                    continue
                with request_scope(batch["account"], batch["region"]):
                    _restore(batch)

    def _created(self, create: Callable[[Json], tuple], data: Json) -> tuple:
        answer = create(data)
        if answer[0] < 400:
            self._write(_where(data), [])
        return answer

    def _write(self, where: Json, events: list[Json]) -> None:
        line = json.dumps({**where, "events": events}).encode() + b"\n"
        with self._lock:
            os.write(self._file, line)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _where(data: Json) -> Json:
    names = {"group": data.get("logGroupName"), "stream": data.get("logStreamName")}
    return {"account": get_account_id(), "region": get_region(), **names}


def _named(put: Callable[[Json], tuple], data: Json) -> tuple:
    token = _writing.set(_where(data))
    try:
        return put(data)
    finally:
        _writing.reset(token)


def _restore(batch: Json) -> None:
    group = cloudwatch_logs._log_groups.get(batch["group"])
    if group is None:  # deleted since
        return
    if batch["stream"] not in group["streams"]:
        cloudwatch_logs._create_log_stream({"logGroupName": batch["group"], "logStreamName": batch["stream"]})
    stream = group["streams"][batch["stream"]]
    events = batch["events"]
    if events:
        first = min(event["timestamp"] for event in events)
        later = stream["events"][bisect_left(stream["events"], first, key=cloudwatch_logs._event_timestamp) :]
        known = {event["eventId"] for event in later}
        cloudwatch_logs._append_log_events(stream, [event for event in events if event["eventId"] not in known])

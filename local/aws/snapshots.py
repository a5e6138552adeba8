"""Save a service's state soon after it changed, so that a killed emulator comes back with what was deployed.

ministack saves only at an orderly end. Here a changed service is saved about a second after its last change. Tasks and
log events are journalled as they come (journal.py, logs/event_journal.py); queues are saved at a longer interval (they
change all the time): what they held since then is lost with a kill.
"""

import logging
import re
import sys
import threading
import time
from collections.abc import Iterable

from ministack import app as ministack_app
from ministack.core.persistence import save_state
from ministack.services import cloudwatch_logs

from local.aws.logs.event_journal import EventJournal

logger = logging.getLogger("tasklane.snapshots")
_SERVICE = re.compile(r"Credential=[^/]+/\d+/[\w-]+/([\w-]+)/aws4_request")
_QUERY_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_READS = ("Describe", "Get", "List", "BatchGet", "Lookup", "Filter", "Start", "Simulate", "Validate")
_SECONDS = {"sqs": 5.0, "cloudwatch": 10.0}
_LOG_SECONDS = 10.0
_DEFAULT_SECONDS = 1.0
_REST_FACTOR = 50  # saving takes at most about a fiftieth of the time, however large the state is
_JOURNALLED = {"RunTask", "StopTask"}  # journal.py keeps tasks
_LOG_WRITES = {"PutLogEvents", "CreateLogStream"}  # logs/event_journal.py keeps them until the next snapshot
_NEVER = {"sts"}  # sessions of services are in the journal; others end with the emulator


class Snapshots:
    """Notes changes and saves in a thread of its own."""

    def __init__(self, log_events: EventJournal) -> None:
        self._log_events = log_events
        self._changed: dict[str, float] = {}  # state key -> when it is due (monotonic)
        self._wake = threading.Condition()
        self._closed = False
        self._pauses: dict[str, float] = {}  # state key -> seconds it should wait, from how long its last save took
        self._thread = threading.Thread(target=self._run, name="tasklane-snapshots", daemon=True)
        self._thread.start()

    def note(self, method: str, headers: dict[str, str], body: bytes) -> None:
        """A request was answered: remember the service if the request may have changed it."""
        scope = _SERVICE.search(headers.get("authorization", ""))
        if scope is None:
            return
        service = ministack_app.SERVICE_NAME_ALIASES.get(scope[1], scope[1])
        if service == "cloudformation":  # a stack changes every service, and goes on after the answer
            self._due(ministack_app._state_map, 2 * _DEFAULT_SECONDS)
        elif method in ("GET", "HEAD") or self._reads(headers, body):
            return
        elif _target(headers) in _LOG_WRITES:
            self._due(["cloudwatch_logs"], _LOG_SECONDS)
        elif service in ministack_app.SERVICE_REGISTRY:
            module = ministack_app.SERVICE_REGISTRY[service]["module"]
            self._due([key for key, name in ministack_app._state_map.items() if name == module], None)

    def note_log_events(self) -> None:
        """The task agent writes log events without a request: let its writes count too."""
        stock = cloudwatch_logs._put_log_events

        def put(data: dict) -> tuple:
            self._due(["cloudwatch_logs"], _LOG_SECONDS)
            return stock(data)

        cloudwatch_logs._put_log_events = put

    def close(self) -> None:
        """Stop; the orderly end saves everything anyway."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    @staticmethod
    def _reads(headers: dict[str, str], body: bytes) -> bool:
        target = _target(headers)
        query = _QUERY_ACTION.search(body) if not target else None
        action = target or (query[1].decode() if query else "")
        return action.startswith(_READS) or action in _JOURNALLED

    def _due(self, keys: Iterable[str], seconds: float | None) -> None:
        now = time.monotonic()
        with self._wake:
            for key in keys:
                if key not in _NEVER:
                    pause = max(seconds or _SECONDS.get(key, _DEFAULT_SECONDS), self._pauses.get(key, 0.0))
                    self._changed.setdefault(key, now + pause)
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._closed and not self._changed:
                    self._wake.wait()
                if self._closed:
                    return
                wait = min(self._changed.values()) - time.monotonic()
                if wait > 0:
                    self._wake.wait(wait)
                    continue
                now = time.monotonic()
                due = [key for key, when in self._changed.items() if when <= now]
                for key in due:
                    del self._changed[key]
            for key in due:
                self._save(key)

    def _save(self, key: str) -> None:
        module = sys.modules.get(f"ministack.services.{ministack_app._state_map[key]}")
        if module is None or not hasattr(module, "get_state"):
            return
        started = time.thread_time()
        if key == "cloudwatch_logs":
            self._log_events.before_snapshot()
        try:
            state = module.get_state()
        except RuntimeError:  # it changed while it was copied: again later
            self._due([key], None)
            return
        if state is not None:
            save_state(key, state)
            if key == "cloudwatch_logs":
                self._log_events.after_snapshot()
            self._pauses[key] = _REST_FACTOR * (time.thread_time() - started)


def _target(headers: dict[str, str]) -> str:
    return headers.get("x-amz-target", "").rsplit(".", 1)[-1]

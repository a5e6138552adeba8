"""The record of each decision: JSON lines with time, principal, action, resource, conditions, allowed.

Modelled on AWS CloudTrail's record contents (who, what, on what, when), reduced to what a report of granted against
used permissions needs.
"""

import json
import time
from pathlib import Path
from threading import Lock
from typing import Any, TextIO


class Audit:
    """Appends decisions to a file; without a file it records nothing."""

    def __init__(self, path: Path | None) -> None:
        self._lock = Lock()
        self._file: TextIO | None = None
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8", buffering=1)

    def record(self, principal: str, action: str, resource: str, conditions: dict[str, Any], allowed: bool) -> None:
        """One line per judged action; a call judged on several resources gives several lines."""
        if self._file is None:
            return
        entry = {
            "time": round(time.time(), 3),
            "principal": principal,
            "action": action,
            "resource": resource,
            "conditions": conditions,
            "allowed": allowed,
        }
        line = json.dumps(entry, default=str) + "\n"
        with self._lock:
            if not self._file.closed:
                self._file.write(line)

    def close(self) -> None:
        """Flush and close; later decisions are not recorded."""
        with self._lock:
            if self._file:
                self._file.close()

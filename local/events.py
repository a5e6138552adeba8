"""The story of a local environment's start, one JSON object per line, so that any terminal can follow it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Events:
    """Appends to `events.jsonl`; each line is complete or absent."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.jsonl"
        folder.mkdir(parents=True, exist_ok=True)

    def tell(self, kind: str, phase: str, detail: str = "", **facts: Any) -> None:
        event = {"time": time.time(), "kind": kind, "phase": phase, "detail": detail, **facts}
        with self.path.open("a") as file:
            file.write(json.dumps(event) + "\n")

    @contextmanager
    def phase(self, name: str, detail: str = "") -> Iterator[None]:
        begun = time.monotonic()
        self.tell("begin", name, detail)
        yield
        self.tell("end", name, seconds=round(time.monotonic() - begun, 2))

    def read(self, offset: int) -> tuple[list[dict[str, Any]], int]:
        """Events written since `offset` bytes, and the new offset."""
        if not self.path.exists():
            return [], offset
        with self.path.open() as file:
            file.seek(offset)
            text = file.read()
        whole = text[: text.rfind("\n") + 1]
        return [json.loads(line) for line in whole.splitlines()], offset + len(whole.encode())

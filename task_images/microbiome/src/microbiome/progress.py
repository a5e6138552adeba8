"""Say how far long work has come, in the container's log."""

import time
from collections.abc import Iterable, Iterator

SECONDS_BETWEEN_LINES = 10.0


def progress[Item](items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """The items, with a line such as `map: 120/1000 samples` every ten seconds."""
    last = time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(f"{label}: {number}/{total} samples", flush=True)

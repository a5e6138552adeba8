"""Count equal sequences of one sample. Beyond a bound in memory, sorted runs go to disk and are merged at the end."""

import heapq
import pickle
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np

# About 400 bytes per V4 sequence in a Python dict: 400,000 of them hold 160 MB.
UNIQUE_IN_MEMORY = 400_000


class Dereplicator:
    """Counts sequences; `finish` gives (sequence, count) sorted by sequence."""

    def __init__(self, scratch: Path, unique_in_memory: int = UNIQUE_IN_MEMORY) -> None:
        self._counts: dict[bytes, int] = {}
        self._scratch = scratch
        self._limit = unique_in_memory
        self._runs: list[Path] = []

    def add(self, text: np.ndarray, lengths: np.ndarray) -> None:
        """Add sequences that stand one after another in `text`."""
        letters = text.tobytes()
        counts = self._counts
        at = 0
        for length in lengths.tolist():
            sequence = letters[at : at + length]
            counts[sequence] = counts.get(sequence, 0) + 1
            at += length
        if len(counts) > self._limit:
            self._spill()

    def _spill(self) -> None:
        with tempfile.NamedTemporaryFile(dir=self._scratch, prefix="run-", delete=False) as handle:
            for pair in sorted(self._counts.items()):
                pickle.dump(pair, handle)
        self._runs.append(Path(handle.name))
        self._counts.clear()

    def finish(self) -> Iterator[tuple[bytes, int]]:
        """All sequences in the order of their letters, each with its count. Removes the runs on disk."""
        if not self._runs:
            yield from sorted(self._counts.items())
            return
        runs = [_read_run(path) for path in self._runs] + [iter(sorted(self._counts.items()))]
        for sequence, group in groupby(heapq.merge(*runs), key=lambda pair: pair[0]):
            yield sequence, sum(count for _, count in group)
        for path in self._runs:
            path.unlink()


def _read_run(path: Path) -> Iterator[tuple[bytes, int]]:
    with path.open("rb") as handle:
        while True:
            try:
                # Our own file, written a moment ago in this container's scratch folder.
                yield pickle.load(handle)  # noqa: S301
            except EOFError:
                return

"""Pool the samples: which sequences occur at least `minsize` times in all of them together.

Two passes over the samples' files, so that only hashes and counts of all sequences are in memory (16 bytes each), and
letters of the few that are frequent enough.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from microbiome.kernels.counted import hash_all
from microbiome.results import Packed

REDUCE_AT = 4_000_000


def hashes_of(sample: Packed) -> np.ndarray:
    out = np.empty(len(sample.counts), np.uint64)
    hash_all(sample.letters, sample.offsets, out)
    return out


def pool_samples(samples: Iterable[Packed], paths: Sequence[Path], minsize: int) -> Packed:
    """The frequent sequences with their pooled counts, sorted by falling count, then by letters.

    `samples` are the contents of `paths`, for the first of the two passes.
    """
    frequent = _frequent_hashes(samples, minsize)
    counts: dict[bytes, int] = {}
    for path in paths:
        sample = Packed.read(path)
        for index in np.flatnonzero(_among(hashes_of(sample), frequent)).tolist():
            sequence = sample.sequence(index)
            counts[sequence] = counts.get(sequence, 0) + int(sample.counts[index])
    # Two sequences that share a hash by accident were counted together above; here each one counts alone.
    kept = ((sequence, count) for sequence, count in counts.items() if count >= minsize)
    return Packed.of(sorted(kept, key=lambda pair: (-pair[1], pair[0])))


def _frequent_hashes(samples: Iterable[Packed], minsize: int) -> np.ndarray:
    """Sorted hashes whose counts add up to `minsize` or more."""
    hashes, totals = np.empty(0, np.uint64), np.empty(0, np.int64)
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    for sample in samples:
        waiting.append((hashes_of(sample), sample.counts))
        if sum(len(part) for part, _ in waiting) > max(REDUCE_AT, len(hashes)):
            hashes, totals = _reduce([(hashes, totals), *waiting])
            waiting.clear()
    hashes, totals = _reduce([(hashes, totals), *waiting])
    return hashes[totals >= minsize]


def _reduce(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Equal hashes once, with the sum of their counts; integers, so that the order of samples does not matter."""
    hashes = np.concatenate([part for part, _ in parts])
    counts = np.concatenate([count for _, count in parts])
    order = np.argsort(hashes, kind="stable")
    hashes, counts = hashes[order], counts[order]
    starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]])) if len(hashes) else np.empty(0, int)
    return hashes[starts], np.add.reduceat(counts, starts) if len(starts) else counts


def _among(hashes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    if not len(wanted):
        return np.zeros(len(hashes), np.bool_)
    place = np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)
    return wanted[place] == hashes

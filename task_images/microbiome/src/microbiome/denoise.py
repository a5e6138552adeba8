"""From pooled counted sequences to features: UNOISE3, then two-parent chimeras (Edgar 2016, doi:10.1101/081257)."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from microbiome.kernels import search
from microbiome.kernels.distance import MAX_DISTANCE
from microbiome.parallel import over_ranges
from microbiome.results import Packed

# A chimera's parents went through at least one more cycle of PCR than the chimera itself.
PARENT_FOLD = 2.0


@dataclass(frozen=True)
class Denoised:
    """Row numbers of the pool, most abundant first. `centroids` includes the chimeras, `features` does not."""

    centroids: np.ndarray
    features: np.ndarray


@dataclass(frozen=True)
class Rows:
    """Packed sequences, one row each, with their lengths."""

    words: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, packed: Packed, backwards: bool = False) -> "Rows":
        count = len(packed.counts)
        longest = int(np.diff(packed.offsets).max()) if count else 0
        rows = cls(np.zeros((count, longest // 32 + 2), np.uint64), np.zeros(count, np.int64))
        search.pack_all(packed.letters, packed.offsets, rows.words, rows.lengths, backwards)
        return rows


def denoise(pool: Packed, alpha: float, threads: int | None = None) -> Denoised:
    """Features of a pool that is sorted by falling count, then by sequence."""
    centroids = unoise(Rows.of(pool), pool.counts, alpha, threads)
    kept = Packed.of((pool.sequence(row), int(pool.counts[row])) for row in centroids)
    chimeric = chimeras(kept, threads)
    return Denoised(centroids, centroids[~chimeric])


def unoise(rows: Rows, sizes: np.ndarray, alpha: float, threads: int | None = None) -> np.ndarray:
    """Row numbers of the sequences that are no errors of a more abundant one.

    At distance d a sequence is an error if its size is at most 2^-(alpha d + 1) of the centroid's. Sequences within a
    factor of 2^(alpha+1) can never absorb each other: each such group is compared in parallel, and the result is the
    same as one by one.
    """
    skews = 2.0 ** (alpha * np.arange(MAX_DISTANCE + 1) + 1)
    skews[0] = 1.0
    absorbed = np.zeros(len(sizes), np.bool_)
    centroids = np.empty(0, np.int64)
    first = 0
    while first < len(sizes):
        last = int(np.searchsorted(-sizes, -sizes[first] / skews[1], side="left"))
        last = max(last, first + 1)
        work = partial(search.absorb, rows.words, rows.lengths, sizes, skews, centroids)
        over_ranges(last - first, lambda a, b, o=first, w=work: w(o + a, o + b, absorbed), threads)
        centroids = np.concatenate([centroids, first + np.flatnonzero(~absorbed[first:last])])
        first = last
    return centroids


def chimeras(kept: Packed, threads: int | None = None) -> np.ndarray:
    """Which of the sequences (most abundant first) are chimeras of two others."""
    forward, backward = Rows.of(kept), Rows.of(kept, backwards=True)
    chimeric = np.zeros(len(kept.counts), np.bool_)

    def work(first: int, last: int) -> None:
        search.find_chimeras(
            forward.words, backward.words, forward.lengths, kept.counts, PARENT_FOLD, first, last, chimeric
        )

    over_ranges(len(kept.counts), work, threads)
    return chimeric

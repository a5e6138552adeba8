"""Compare many packed sequences: absorb errors (UNOISE), find chimeras."""

import numpy as np
from numba import njit

from microbiome.kernels.bits import pack
from microbiome.kernels.distance import MAX_DISTANCE, common_run, edit_distance

SCRATCH = 2 * MAX_DISTANCE + 3


@njit(cache=True, nogil=True)
def pack_all(letters: np.ndarray, offsets: np.ndarray, words: np.ndarray, lengths: np.ndarray, backwards: bool) -> None:
    """Pack every sequence of `letters` into its row of `words`; backwards: last base first."""
    for i in range(offsets.size - 1):
        lengths[i] = offsets[i + 1] - offsets[i]
        text = letters[offsets[i] : offsets[i + 1]]
        pack(text[::-1].copy() if backwards else text.copy(), 0, lengths[i], words[i])


@njit(cache=True, nogil=True)
def absorb(
    words: np.ndarray,
    lengths: np.ndarray,
    sizes: np.ndarray,
    skews: np.ndarray,
    centroids: np.ndarray,
    first: int,
    last: int,
    absorbed: np.ndarray,
) -> None:
    """Mark sequences first..last-1 that are errors of a centroid: distance d with size(centroid) >= skews[d] x size.

    `centroids` are row numbers in falling abundance; skews[d] is the least abundance ratio at distance d, rising.
    """
    reach = np.empty((2, SCRATCH), np.int64)
    for q in range(first, last):
        for c in centroids:
            bound = 0
            while bound + 1 < skews.size and sizes[c] >= skews[bound + 1] * sizes[q]:
                bound += 1
            if bound == 0:
                break
            if edit_distance(words[q], lengths[q], words[c], lengths[c], bound, reach) <= bound:
                absorbed[q] = True
                break


@njit(cache=True, nogil=True)
def find_chimeras(
    words: np.ndarray,
    backwards: np.ndarray,
    lengths: np.ndarray,
    sizes: np.ndarray,
    fold: float,
    first: int,
    last: int,
    chimeric: np.ndarray,
) -> None:
    """Mark sequences that are the beginning of one parent and the end of another, both at least `fold` as abundant.

    A sequence that one parent alone explains up to a single gap is that parent's variant and no chimera.
    """
    for q in range(first, last):
        longest_begin = 0
        longest_end = 0
        variant = False
        for p in range(q):
            if sizes[p] < fold * sizes[q]:
                break
            begin = common_run(words[q], 0, lengths[q], words[p], 0, lengths[p])
            end = common_run(backwards[q], 0, lengths[q], backwards[p], 0, lengths[p])
            if begin + end >= lengths[q]:
                variant = True
                break
            longest_begin = max(longest_begin, begin)
            longest_end = max(longest_end, end)
        chimeric[q] = not variant and longest_begin + longest_end >= lengths[q]

"""Turn a block of single reads into trimmed, filtered sequences, with a fate for every read."""

import numpy as np
from numba import njit

from microbiome.kernels.bits import CODE, LETTER
from microbiome.kernels.fates import AMBIGUOUS, KEPT, LOW_QUALITY, NO_PRIMER, TOO_LONG, TOO_SHORT
from microbiome.kernels.primer import find_primer
from microbiome.kernels.quality import SINGLE
from microbiome.kernels.reads import Insert, Limits, Primer, Reads, behind_primer


@njit(cache=True, nogil=True)
def write_single(reads: Reads, part: Insert, length: int, out: np.ndarray, at: int, max_errors: int) -> int:
    """Write the first `length` bases to out[at:]; returns the read's fate."""
    errors = 0
    for i in range(length):
        code = CODE[reads.text[part.start + i]]
        if code > 3:
            return AMBIGUOUS
        errors += SINGLE[np.int64(reads.text[part.quality + i]) - reads.offset]
        out[at + i] = LETTER[code]
    return KEPT if errors <= max_errors else LOW_QUALITY


@njit(cache=True, nogil=True)
def filter_single(
    reads: Reads, part: Insert, far: Primer, truncate_length: int, limits: Limits, out: np.ndarray, at: int
) -> tuple[int, int]:
    """Fate and length of one read."""
    length = part.length
    if length < 0:
        return NO_PRIMER, 0
    if far.masks.size > 0:
        end = find_primer(reads.text, part.start, length, far.masks, far.allowed)
        length = end if end >= 0 else length
    if length < max(truncate_length, limits.min_length):
        return TOO_SHORT, 0
    if truncate_length > 0:
        length = truncate_length
    if length < limits.min_length:
        return TOO_SHORT, 0
    if length > limits.max_length:
        return TOO_LONG, 0
    return write_single(reads, part, length, out, at, limits.max_errors), length


@njit(cache=True, nogil=True)
def filter_singles(
    reads: Reads, forward: Primer, far: Primer, truncate_length: int, limits: Limits,
    out: np.ndarray, lengths: np.ndarray, fates: np.ndarray,
) -> int:  # fmt: skip
    """As merge_pairs, for single reads. `far` is the reverse complement of the reverse primer.

    Where a read runs into it, the read is cut; a read that ends before it is whole. Reads below `truncate_length` are
    too short, longer ones are cut to it; 0 means that nothing is cut.
    """
    kept = 0
    at = 0
    for i in range(reads.records.shape[0]):
        part = behind_primer(reads, i, forward)
        fates[i], length = filter_single(reads, part, far, truncate_length, limits, out, at)
        if fates[i] == KEPT:
            lengths[kept] = length
            kept += 1
            at += length
    return kept

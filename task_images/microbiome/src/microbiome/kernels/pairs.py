"""Turn a block of read pairs into merged, filtered sequences, with a fate for every pair."""

import numpy as np
from numba import njit

from microbiome.kernels.bits import CODE, LETTER
from microbiome.kernels.fates import (
    AMBIGUOUS,
    KEPT,
    LOW_QUALITY,
    NAMES_DIFFER,
    NO_PRIMER,
    NOT_MERGED,
    TOO_LONG,
    TOO_SHORT,
)
from microbiome.kernels.overlap import MIN_OVERLAP, best_shift, pack_forward, pack_reverse
from microbiome.kernels.parse import HEAD, HEAD_LENGTH, MAX_READ
from microbiome.kernels.quality import AGREE, DIFFER, SINGLE
from microbiome.kernels.reads import Insert, Limits, Primer, Reads, behind_primer

# Share of the overlap that may differ. The expected-error filter judges the result; this bound only refuses overlaps
# that are no overlaps (random sequence: 0.75).
MAX_MISMATCH_SHARE = 0.2
WORDS = MAX_READ // 32 + 2


@njit(cache=True, nogil=True)
def same_name(a: Reads, b: Reads, row: int) -> bool:
    """Whether two records carry the same read name."""
    first, second = a.records[row], b.records[row]
    if first[HEAD_LENGTH] != second[HEAD_LENGTH]:
        return False
    for i in range(first[HEAD_LENGTH]):  # noqa: SIM110 (numba would make all() slower)
        if a.text[first[HEAD] + i] != b.text[second[HEAD] + i]:
            return False
    return True


@njit(cache=True, nogil=True)
def consensus(first: int, first_score: int, second: int, second_score: int) -> tuple[int, int]:
    """Base and error of a position; 4 stands for N, or for a read that does not reach the position."""
    if first < 4 and second < 4:
        if first == second:
            return first, AGREE[first_score, second_score]
        return first if first_score >= second_score else second, DIFFER[first_score, second_score]
    if first < 4:
        return first, SINGLE[first_score]
    if second < 4:
        return second, SINGLE[second_score]
    return 4, 0


@njit(cache=True, nogil=True)
def write_merged(
    a: Reads, one: Insert, b: Reads, two: Insert, shift: int, out: np.ndarray, at: int, max_errors: int
) -> int:
    """Write the consensus of an overlapping pair to out[at:]; returns its fate.

    `two` is read backwards and complemented. The fragment ends where the reverse read begins.
    """
    errors = 0
    for i in range(shift + two.length):
        first, first_score, second, second_score = 4, 0, 4, 0
        if i < one.length:
            first = np.int64(CODE[a.text[one.start + i]])
            first_score = np.int64(a.text[one.quality + i]) - a.offset
        if i >= shift:
            place = two.length - 1 - (i - shift)
            second = np.int64(CODE[b.text[two.start + place]])
            second = 3 - second if second < 4 else 4
            second_score = np.int64(b.text[two.quality + place]) - b.offset
        base, error = consensus(first, first_score, second, second_score)
        if base > 3:
            return AMBIGUOUS
        errors += error
        out[at + i] = LETTER[base]
    return KEPT if errors <= max_errors else LOW_QUALITY


@njit(cache=True, nogil=True)
def merge_pair(
    a: Reads, one: Insert, b: Reads, two: Insert, scratch: np.ndarray, limits: Limits, out: np.ndarray, at: int
) -> tuple[int, int]:
    """Fate and length of one pair; `scratch` is room for the packed reads (4 x WORDS)."""
    if one.length < 0 or two.length < 0:
        return NO_PRIMER, 0
    if one.length < MIN_OVERLAP or two.length < MIN_OVERLAP:
        return TOO_SHORT, 0
    pack_forward(a.text, one.start, one.length, scratch[0], scratch[1])
    pack_reverse(b.text, two.start, two.length, scratch[2], scratch[3])
    shift = best_shift(scratch[0], scratch[1], one.length, scratch[2], scratch[3], two.length, MAX_MISMATCH_SHARE)
    length = shift + two.length
    if length <= 0:
        return NOT_MERGED, 0
    if length < limits.min_length:
        return TOO_SHORT, 0
    if length > limits.max_length:
        return TOO_LONG, 0
    return write_merged(a, one, b, two, shift, out, at, limits.max_errors), length


@njit(cache=True, nogil=True)
def merge_pairs(
    a: Reads, b: Reads, forward: Primer, reverse: Primer, limits: Limits,
    out: np.ndarray, lengths: np.ndarray, fates: np.ndarray,
) -> int:  # fmt: skip
    """Merge pair i of `a` and `b` for all i. Returns the number of kept sequences.

    Kept sequences stand one after another in `out`, their lengths in `lengths`; `fates` gets every pair's fate.
    A pair whose names differ ends the work: its fate is NAMES_DIFFER.
    """
    scratch = np.zeros((4, WORDS), np.uint64)
    kept = 0
    at = 0
    for i in range(a.records.shape[0]):
        if not same_name(a, b, i):
            fates[i] = NAMES_DIFFER
            return kept
        one, two = behind_primer(a, i, forward), behind_primer(b, i, reverse)
        fates[i], length = merge_pair(a, one, b, two, scratch, limits, out, at)
        if fates[i] == KEPT:
            lengths[kept] = length
            kept += 1
            at += length
    return kept

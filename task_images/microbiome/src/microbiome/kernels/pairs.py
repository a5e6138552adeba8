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
from microbiome.kernels.parse import HEAD, HEAD_LENGTH, LENGTH, MAX_READ, QUALITY, SEQUENCE
from microbiome.kernels.primer import find_primer
from microbiome.kernels.quality import AGREE, DIFFER, SINGLE

# Share of the overlap that may differ. The expected-error filter judges the result; this bound only refuses overlaps
# that are no overlaps (random sequence: 0.75).
MAX_MISMATCH_SHARE = 0.2
WORDS = MAX_READ // 32 + 2


@njit(cache=True, nogil=True)
def same_name(a: np.ndarray, a_record: np.ndarray, b: np.ndarray, b_record: np.ndarray) -> bool:
    """Whether two records carry the same read name."""
    if a_record[HEAD_LENGTH] != b_record[HEAD_LENGTH]:
        return False
    for i in range(a_record[HEAD_LENGTH]):  # noqa: SIM110 (numba would make all() slower)
        if a[a_record[HEAD] + i] != b[b_record[HEAD] + i]:
            return False
    return True


@njit(cache=True, nogil=True)
def write_merged(
    a: np.ndarray,
    a_start: int,
    a_quality: int,
    a_length: int,
    a_offset: int,
    b: np.ndarray,
    b_start: int,
    b_quality: int,
    b_length: int,
    b_offset: int,
    shift: int,
    out: np.ndarray,
    at: int,
    max_errors: int,
) -> int:
    """Write the consensus of an overlapping pair to out[at:]; returns its fate.

    `b` is read backwards and complemented. The fragment ends where the reverse read begins.
    """
    errors = 0
    for i in range(shift + b_length):
        j = i - shift
        first, second = 4, 4
        if i < a_length:
            first = np.int64(CODE[a[a_start + i]])
            first_score = np.int64(a[a_quality + i]) - a_offset
        if j >= 0:
            place = b_length - 1 - j
            second = np.int64(CODE[b[b_start + place]])
            second = 3 - second if second < 4 else 4
            second_score = np.int64(b[b_quality + place]) - b_offset
        if first < 4 and second < 4:
            if first == second:
                errors += AGREE[first_score, second_score]
                base = first
            else:
                errors += DIFFER[first_score, second_score]
                base = first if first_score >= second_score else second
        elif first < 4:
            errors += SINGLE[first_score]
            base = first
        elif second < 4:
            errors += SINGLE[second_score]
            base = second
        else:
            return AMBIGUOUS
        out[at + i] = LETTER[base]
    return KEPT if errors <= max_errors else LOW_QUALITY


@njit(cache=True, nogil=True)
def merge_pairs(
    a: np.ndarray,
    a_records: np.ndarray,
    a_offset: int,
    b: np.ndarray,
    b_records: np.ndarray,
    b_offset: int,
    forward_primer: np.ndarray,
    forward_allowed: int,
    reverse_primer: np.ndarray,
    reverse_allowed: int,
    min_length: int,
    max_length: int,
    max_errors: int,
    out: np.ndarray,
    lengths: np.ndarray,
    fates: np.ndarray,
) -> int:
    """Merge pair i of a_records and b_records for all i. Returns the number of kept sequences.

    Kept sequences stand one after another in `out`, their lengths in `lengths`; `fates` gets every pair's fate.
    A pair whose names differ ends the work: its fate is NAMES_DIFFER.
    """
    a_words, a_known = np.zeros(WORDS, np.uint64), np.zeros(WORDS, np.uint64)
    b_words, b_known = np.zeros(WORDS, np.uint64), np.zeros(WORDS, np.uint64)
    kept = 0
    at = 0
    for i in range(a_records.shape[0]):
        if not same_name(a, a_records[i], b, b_records[i]):
            fates[i] = NAMES_DIFFER
            return kept
        a_cut = find_primer(a, a_records[i, SEQUENCE], a_records[i, LENGTH], forward_primer, forward_allowed)
        b_cut = find_primer(b, b_records[i, SEQUENCE], b_records[i, LENGTH], reverse_primer, reverse_allowed)
        if a_cut < 0 or b_cut < 0:
            fates[i] = NO_PRIMER
            continue
        a_cut += forward_primer.size
        b_cut += reverse_primer.size
        a_start, a_length = a_records[i, SEQUENCE] + a_cut, a_records[i, LENGTH] - a_cut
        b_start, b_length = b_records[i, SEQUENCE] + b_cut, b_records[i, LENGTH] - b_cut
        if a_length < MIN_OVERLAP or b_length < MIN_OVERLAP:
            fates[i] = TOO_SHORT
            continue
        pack_forward(a, a_start, a_length, a_words, a_known)
        pack_reverse(b, b_start, b_length, b_words, b_known)
        shift = best_shift(a_words, a_known, a_length, b_words, b_known, b_length, MAX_MISMATCH_SHARE)
        length = shift + b_length
        if shift + b_length <= 0:
            fates[i] = NOT_MERGED
        elif length < min_length:
            fates[i] = TOO_SHORT
        elif length > max_length:
            fates[i] = TOO_LONG
        else:
            fates[i] = write_merged(
                a,
                a_start,
                a_records[i, QUALITY] + a_cut,
                a_length,
                a_offset,
                b,
                b_start,
                b_records[i, QUALITY] + b_cut,
                b_length,
                b_offset,
                shift,
                out,
                at,
                max_errors,
            )
            if fates[i] == KEPT:
                lengths[kept] = length
                kept += 1
                at += length
    return kept

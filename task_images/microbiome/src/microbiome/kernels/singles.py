"""Turn a block of single reads into trimmed, filtered sequences, with a fate for every read."""

import numpy as np
from numba import njit

from microbiome.kernels.bits import CODE, LETTER
from microbiome.kernels.fates import AMBIGUOUS, KEPT, LOW_QUALITY, NO_PRIMER, TOO_LONG, TOO_SHORT
from microbiome.kernels.parse import LENGTH, QUALITY, SEQUENCE
from microbiome.kernels.primer import find_primer
from microbiome.kernels.quality import SINGLE


@njit(cache=True, nogil=True)
def write_single(
    text: np.ndarray, start: int, quality: int, length: int, offset: int, out: np.ndarray, at: int, max_errors: int
) -> int:
    """Write one read to out[at:]; returns its fate."""
    errors = 0
    for i in range(length):
        code = CODE[text[start + i]]
        if code > 3:
            return AMBIGUOUS
        errors += SINGLE[np.int64(text[quality + i]) - offset]
        out[at + i] = LETTER[code]
    return KEPT if errors <= max_errors else LOW_QUALITY


@njit(cache=True, nogil=True)
def filter_singles(
    text: np.ndarray,
    records: np.ndarray,
    offset: int,
    forward_primer: np.ndarray,
    forward_allowed: int,
    far_primer: np.ndarray,
    far_allowed: int,
    truncate_length: int,
    min_length: int,
    max_length: int,
    max_errors: int,
    out: np.ndarray,
    lengths: np.ndarray,
    fates: np.ndarray,
) -> int:
    """As merge_pairs, for single reads. `far_primer` is the reverse complement of the reverse primer: where a read runs
    into it, the read is cut; a read that ends before it is whole. Reads below `truncate_length` are too short."""
    kept = 0
    at = 0
    for i in range(records.shape[0]):
        cut = find_primer(text, records[i, SEQUENCE], records[i, LENGTH], forward_primer, forward_allowed)
        if cut < 0:
            fates[i] = NO_PRIMER
            continue
        cut += forward_primer.size
        start, length = records[i, SEQUENCE] + cut, records[i, LENGTH] - cut
        if far_primer.size > 0:
            far = find_primer(text, start, length, far_primer, far_allowed)
            length = far if far >= 0 else length
        if length < truncate_length:
            fates[i] = TOO_SHORT
            continue
        if truncate_length > 0:
            length = truncate_length
        if length < min_length:
            fates[i] = TOO_SHORT
        elif length > max_length:
            fates[i] = TOO_LONG
        else:
            fates[i] = write_single(text, start, records[i, QUALITY] + cut, length, offset, out, at, max_errors)
            if fates[i] == KEPT:
                lengths[kept] = length
                kept += 1
                at += length
    return kept

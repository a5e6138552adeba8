"""What the kernels pass around: a block of reads, a read without its primer, a primer, the limits of a filter."""

from typing import NamedTuple

import numpy as np
from numba import njit

from microbiome.kernels.parse import LENGTH, QUALITY, SEQUENCE
from microbiome.kernels.primer import find_primer


class Reads(NamedTuple):
    """Records that point into `text`; a quality character minus `offset` is its score."""

    text: np.ndarray
    records: np.ndarray
    offset: int


class Primer(NamedTuple):
    """IUPAC masks, empty for no primer, and how many mismatches are allowed."""

    masks: np.ndarray
    allowed: int


class Limits(NamedTuple):
    """Lengths in bases after merging and trimming; `max_errors` in units of quality.UNIT."""

    min_length: int
    max_length: int
    max_errors: int


class Insert(NamedTuple):
    """The part of a read behind its primer. `length` is -1 if the primer was not found."""

    start: int
    quality: int
    length: int


@njit(cache=True, nogil=True)
def behind_primer(reads: Reads, row: int, primer: Primer) -> Insert:
    """Where the insert begins in the text, and how long it is."""
    record = reads.records[row]
    cut = find_primer(reads.text, record[SEQUENCE], record[LENGTH], primer.masks, primer.allowed)
    if cut < 0:
        return Insert(0, 0, -1)
    cut += primer.masks.size
    return Insert(record[SEQUENCE] + cut, record[QUALITY] + cut, record[LENGTH] - cut)

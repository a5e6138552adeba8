"""Find a primer in a read: IUPAC codes, mismatches but no gaps, anywhere in the read, best match first."""

import numpy as np
from numba import njit

from microbiome.kernels.bits import CODE

IUPAC = dict(zip("ACGTMRWSYKVHDBN", (1, 2, 4, 8, 3, 5, 9, 6, 10, 12, 7, 11, 13, 14, 15), strict=True))
ANY = 15
COMPLEMENT = str.maketrans("ACGTMRWSYKVHDBN", "TGCAKYWSRMBDHVN")
# cutadapt's default (-e 0.1): two mismatches are allowed in a primer of 20 bases.
ERROR_RATE = 0.1


def primer_masks(primer: str) -> np.ndarray:
    """One byte per letter: bit 0 = A, 1 = C, 2 = G, 3 = T."""
    return np.array([IUPAC[letter] for letter in primer], np.uint8)


def reverse_complement(primer: str) -> str:
    return primer.translate(COMPLEMENT)[::-1]


@njit(cache=True, nogil=True)
def find_primer(text: np.ndarray, start: int, length: int, masks: np.ndarray, allowed: int) -> int:
    """Offset of the best match in the read (fewest mismatches, then leftmost), or -1. N in a read matches only N."""
    best, best_mismatches = -1, allowed + 1
    for offset in range(length - masks.size + 1):
        mismatches = 0
        for i in range(masks.size):
            code = CODE[text[start + offset + i]]
            if masks[i] != ANY and (code > 3 or not (masks[i] >> code) & 1):
                mismatches += 1
                if mismatches >= best_mismatches:
                    break
        if mismatches < best_mismatches:
            best, best_mismatches = offset, mismatches
            if mismatches == 0:
                break
    return best

"""Find how two reads of a pair overlap: the shift at which most bases agree, 32 bases at a time."""

import numpy as np
from numba import njit

from microbiome.kernels.bits import CODE, first_bases, mismatch_bits, popcount, window

MIN_OVERLAP = 16
# Score of a shift: +1 for a base that agrees, -3 for one that differs; random bases (3/4 differ) cost 2 each.
MISMATCH_COST = 4
# Of 32 random bases 24 differ, give or take 2.4; a shift that differs in more than 18 is given up at once.
HOPELESS_IN_WINDOW = 18
NOT_FOUND, NOT_UNIQUE = -100_000, -100_001


@njit(cache=True, nogil=True)
def pack_forward(text: np.ndarray, start: int, length: int, words: np.ndarray, known: np.ndarray) -> None:
    """Pack a read; `known` gets a bit for each base that is not N."""
    for word in range(length // 32 + 2):
        words[word] = 0
        known[word] = 0
    for i in range(length):
        code = CODE[text[start + i]]
        if code < 4:
            shift = np.uint64((i & 31) << 1)
            words[i >> 5] |= np.uint64(code) << shift
            known[i >> 5] |= np.uint64(1) << shift


@njit(cache=True, nogil=True)
def pack_reverse(text: np.ndarray, start: int, length: int, words: np.ndarray, known: np.ndarray) -> None:
    """Pack the reverse complement of a read."""
    for word in range(length // 32 + 2):
        words[word] = 0
        known[word] = 0
    for i in range(length):
        code = CODE[text[start + length - 1 - i]]
        if code < 4:
            shift = np.uint64((i & 31) << 1)
            words[i >> 5] |= np.uint64(3 - code) << shift
            known[i >> 5] |= np.uint64(1) << shift


@njit(cache=True, nogil=True)
def count_mismatches(
    forward: np.ndarray, forward_known: np.ndarray, f: int, reverse: np.ndarray, reverse_known: np.ndarray, r: int,
    overlap: int, most: int,
) -> int:  # fmt: skip
    """Bases that differ between forward[f:] and reverse[r:] within `overlap`; -1 as soon as there is no hope."""
    mismatches = 0
    done = 0
    while done < overlap:
        valid = first_bases(overlap - done) & window(forward_known, f + done) & window(reverse_known, r + done)
        different = mismatch_bits(window(forward, f + done), window(reverse, r + done)) & valid
        new = np.int64(popcount(different))
        mismatches += new
        if new > HOPELESS_IN_WINDOW or mismatches > most:
            return -1
        done += 32
    return mismatches


@njit(cache=True, nogil=True)
def best_shift(
    forward: np.ndarray, forward_known: np.ndarray, forward_length: int,
    reverse: np.ndarray, reverse_known: np.ndarray, reverse_length: int, max_share: float,
) -> int:  # fmt: skip
    """Where the reverse read begins in the forward read's coordinates (negative: reads run past each other).

    NOT_FOUND if no overlap has at most `max_share` mismatches, NOT_UNIQUE if another shift scores more than half as
    well (repeats).
    """
    best, best_score, second_score, best_mismatches, best_overlap = NOT_FOUND, 0, 0, 0, 1
    for shift in range(MIN_OVERLAP - reverse_length, forward_length - MIN_OVERLAP + 1):
        f, r = max(shift, 0), max(-shift, 0)
        overlap = min(forward_length - f, reverse_length - r)
        if overlap <= second_score:
            continue
        # With more mismatches the score would not be above the second best.
        most = (overlap - second_score - 1) // MISMATCH_COST
        mismatches = count_mismatches(forward, forward_known, f, reverse, reverse_known, r, overlap, most)
        if mismatches < 0:
            continue
        score = overlap - MISMATCH_COST * mismatches
        if score > best_score:
            best, best_mismatches, best_overlap = shift, mismatches, overlap
            best_score, second_score = score, best_score
        else:
            second_score = score
    if best == NOT_FOUND or best_score < MIN_OVERLAP or best_mismatches > max_share * best_overlap:
        return NOT_FOUND
    return NOT_UNIQUE if 2 * second_score > best_score else best

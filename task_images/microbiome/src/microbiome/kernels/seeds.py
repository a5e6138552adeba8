"""Find the nearest feature of a read without comparing it with all of them.

Cut a read into d + 1 pieces: d edits leave one piece whole (pigeonhole), at most d places from where it was. So only
features that share a piece near its place need to be compared, and for few edits only those of the rarest pieces.
"""

import numpy as np
from numba import njit

from microbiome.kernels.bits import pack, window
from microbiome.kernels.distance import MAX_DISTANCE, edit_distance

SCRATCH = 2 * MAX_DISTANCE + 3
SEED = 24
SEED_MASK = np.uint64((1 << (2 * SEED)) - 1)
# Most reads are one or two errors away from their feature: few pieces and short comparisons answer for them.
TIERS = (1, 3, MAX_DISTANCE)


@njit(cache=True, nogil=True)
def list_seeds(words: np.ndarray, lengths: np.ndarray, seeds: np.ndarray, rows: np.ndarray, places: np.ndarray) -> None:
    """Every word of SEED bases of every feature, with feature and place."""
    n = 0
    for row in range(lengths.size):
        for place in range(lengths[row] - SEED + 1):
            seeds[n] = window(words[row], place) & SEED_MASK
            rows[n] = row
            places[n] = place
            n += 1


@njit(cache=True, nogil=True)
def piece_lists(
    query: np.ndarray, pieces: int, size: int, keys: np.ndarray, starts: np.ndarray, found: np.ndarray
) -> None:
    """For each piece (place, begin and end of its list of features), the shortest list first."""
    for piece in range(pieces):
        place = piece * size
        seed = window(query, place) & SEED_MASK
        at = np.searchsorted(keys, seed)
        hit = at < keys.size and keys[at] == seed
        begin, end = (starts[at], starts[at + 1]) if hit else (0, 0)
        slot = piece
        while slot > 0 and found[slot - 1, 2] - found[slot - 1, 1] > end - begin:
            found[slot] = found[slot - 1]
            slot -= 1
        found[slot, 0], found[slot, 1], found[slot, 2] = place, begin, end


@njit(cache=True, nogil=True)
def map_reads(
    letters: np.ndarray,
    offsets: np.ndarray,
    known: np.ndarray,
    words: np.ndarray,
    lengths: np.ndarray,
    keys: np.ndarray,
    starts: np.ndarray,
    rows: np.ndarray,
    places: np.ndarray,
    percent: int,
    first: int,
    last: int,
    target: np.ndarray,
) -> None:
    """The nearest feature of each sequence: fewest edits, then most abundant (features are rows in that order).

    `known` >= 0 is an exact match found before. -1 in `target`: none is within `percent` % edits of the longer one.
    """
    reach = np.empty((2, SCRATCH), np.int64)
    query = np.empty(words.shape[1], np.uint64)
    longest = (words.shape[1] - 2) * 32 + 31
    seen = np.full(lengths.size, -1, np.int64)
    found = np.empty((MAX_DISTANCE + 1, 3), np.int64)
    for q in range(first, last):
        target[q] = known[q]
        length = offsets[q + 1] - offsets[q]
        if known[q] >= 0 or length > longest:
            continue
        pack(letters, offsets[q], length, query)
        # The longer of two sequences within p % edits is at most 1 / (1 - p) as long as the other.
        most = min(MAX_DISTANCE, percent * length // (100 - percent))
        size = length // (most + 1)
        if size >= SEED:
            piece_lists(query, most + 1, size, keys, starts, found)
        for tier in range(len(TIERS)):
            bound = min(TIERS[tier], most)
            best = bound + 1
            stamp = q * len(TIERS) + tier
            pieces = bound + 1 if size >= SEED else 1
            for piece in range(pieces):
                # Too short for seeds: every feature is a candidate.
                begin, end = (found[piece, 1], found[piece, 2]) if size >= SEED else (0, lengths.size)
                for entry in range(begin, end):
                    row = rows[entry] if size >= SEED else entry
                    if seen[row] == stamp or (size >= SEED and abs(places[entry] - found[piece, 0]) > bound):
                        continue
                    seen[row] = stamp
                    limit = min(best if row < target[q] else best - 1, percent * max(length, lengths[row]) // 100)
                    if limit < 1:
                        continue
                    distance = edit_distance(query, length, words[row], lengths[row], limit, reach)
                    if distance <= limit:
                        best = distance
                        target[q] = row
            if target[q] >= 0 or bound == most:
                break

"""Find the nearest feature of a read without comparing it with all of them.

Cut a read into d + 1 pieces: d edits leave one piece whole (pigeonhole), at most d places from where it was. So only
features that share a piece near its place need to be compared, and for few edits only those of the rarest pieces.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from microbiome.kernels.bits import pack, window
from microbiome.kernels.distance import MAX_DISTANCE, edit_distance

SCRATCH = 2 * MAX_DISTANCE + 3
SEED = 24
SEED_MASK = np.uint64((1 << (2 * SEED)) - 1)
# Most reads are one or two errors away from their feature: few pieces and short comparisons answer for them.
TIERS = (1, 3, MAX_DISTANCE)


class Features(NamedTuple):
    """Packed features and their seeds: seed keys[i] is at rows/places[starts[i]:starts[i + 1]].

    `percent`: how many edits are allowed, of the longer sequence.
    """

    words: np.ndarray
    lengths: np.ndarray
    keys: np.ndarray
    starts: np.ndarray
    rows: np.ndarray
    places: np.ndarray
    percent: int


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
def nearest(
    query: np.ndarray, length: int, features: Features, pieces: np.ndarray, bound: int, seen: np.ndarray, stamp: int,
    reach: np.ndarray,
) -> int:  # fmt: skip
    """The nearest feature within `bound` edits among those that share one of the pieces, or -1.

    Each row of `pieces` is (place, begin and end of its list); a place of -1 means that all features are candidates.
    """
    best, target = bound + 1, -1
    for piece in range(pieces.shape[0]):
        place = pieces[piece, 0]
        for entry in range(pieces[piece, 1], pieces[piece, 2]):
            row = features.rows[entry] if place >= 0 else entry
            if seen[row] == stamp or (place >= 0 and abs(features.places[entry] - place) > bound):
                continue
            seen[row] = stamp
            allowed = features.percent * max(length, features.lengths[row]) // 100
            limit = min(best if row < target else best - 1, allowed)
            if limit < 1:
                continue
            distance = edit_distance(query, length, features.words[row], features.lengths[row], limit, reach)
            if distance <= limit:
                best, target = distance, row
    return target


@njit(cache=True, nogil=True)
def map_reads(
    letters: np.ndarray, offsets: np.ndarray, known: np.ndarray, features: Features,
    first: int, last: int, target: np.ndarray,
) -> None:  # fmt: skip
    """The nearest feature of each sequence: fewest edits, then most abundant (features are rows in that order).

    `known` >= 0 is an exact match found before. -1 in `target`: none is within `percent` % edits of the longer one.
    """
    reach = np.empty((2, SCRATCH), np.int64)
    query = np.empty(features.words.shape[1], np.uint64)
    longest = (features.words.shape[1] - 2) * 32 + 31
    seen = np.full(features.lengths.size, -1, np.int64)
    pieces = np.empty((MAX_DISTANCE + 1, 3), np.int64)
    for q in range(first, last):
        target[q] = known[q]
        length = offsets[q + 1] - offsets[q]
        if known[q] >= 0 or length > longest:
            continue
        pack(letters, offsets[q], length, query)
        # The longer of two sequences within p % edits is at most 1 / (1 - p) as long as the other.
        most = min(MAX_DISTANCE, features.percent * length // (100 - features.percent))
        size = length // (most + 1)
        seeded = size >= SEED
        if seeded:
            piece_lists(query, most + 1, size, features.keys, features.starts, pieces)
        else:  # too short for seeds
            pieces[0] = (-1, 0, features.lengths.size)
        for tier in range(len(TIERS)):
            bound = min(TIERS[tier], most)
            used = pieces[: bound + 1] if seeded else pieces[:1]
            target[q] = nearest(query, length, features, used, bound, seen, q * len(TIERS) + tier, reach)
            if target[q] >= 0 or bound == most:
                break

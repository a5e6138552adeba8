"""Read a sample's counted sequences (`>1;size=532`, then one line of letters)."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _scan(text: np.ndarray, letters: np.ndarray, offsets: np.ndarray, counts: np.ndarray) -> None:
    record = -1
    at = 0
    head = False
    size = np.int64(0)
    for i in range(text.size):
        letter = text[i]
        if letter == 62:  # '>'
            head, size = True, 0
            record += 1
        elif letter == 10:
            if head:
                counts[record] = size
            head = False
            offsets[record + 1] = at
        elif head:
            # Digits after '=' give the size; what stands before it is the running number.
            size = 0 if letter == 61 else size * 10 + letter - 48 if 48 <= letter <= 57 else size
        else:
            letters[at] = letter
            at += 1


def read_counted(text: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Letters, offsets (one more than sequences) and counts."""
    records = int(np.count_nonzero(text == ord(">")))
    letters, offsets = np.empty(text.size, np.uint8), np.zeros(records + 1, np.int64)
    counts = np.zeros(records, np.int64)
    _scan(text, letters, offsets, counts)
    return letters[: offsets[-1]].copy(), offsets, counts


@njit(cache=True, nogil=True)
def hash_all(letters: np.ndarray, offsets: np.ndarray, out: np.ndarray) -> None:
    """A 64-bit FNV-1a hash of each sequence. Equal sequences have equal hashes; the reverse is checked elsewhere."""
    for i in range(offsets.size - 1):
        value = np.uint64(14695981039346656037)
        for j in range(offsets[i], offsets[i + 1]):
            value = (value ^ np.uint64(letters[j])) * np.uint64(1099511628211)
        out[i] = value

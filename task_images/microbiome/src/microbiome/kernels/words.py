"""The 8-letter words of sequences, and how many sequences of each label have them."""

import numpy as np
from numba import njit

from microbiome.kernels.bits import CODE

WORD = 8
WORDS = 4**WORD


@njit(cache=True, nogil=True)
def distinct_words(text: np.ndarray, first: int, last: int, seen: np.ndarray, stamp: int, out: np.ndarray) -> int:
    """Write each different word of text[first:last] once to `out`; words with anything but ACGT are left out."""
    found, word, length = 0, 0, 0
    for i in range(first, last):
        code = CODE[text[i]]
        if code > 3:
            word, length = 0, 0
            continue
        word = ((word << 2) | np.int64(code)) & (WORDS - 1)
        length += 1
        if length >= WORD and seen[word] != stamp:
            seen[word] = stamp
            out[found] = word
            found += 1
    return found


@njit(cache=True, nogil=True)
def count_words(
    text: np.ndarray,
    offsets: np.ndarray,
    labels: np.ndarray,
    order: np.ndarray,
    ends: np.ndarray,
    columns: np.ndarray,
    counts: np.ndarray,
    with_word: np.ndarray,
) -> None:
    """Sequences per word and label, as lists per word. `order` lists the sequences label by label.

    Called twice: with empty `columns` it counts list lengths into `ends`; then `ends` holds where each list begins and
    is moved to its end. `with_word` counts all sequences that have the word.
    """
    seen = np.full(WORDS, -1, np.int64)
    in_label = np.zeros(WORDS, np.int32)
    touched = np.empty(WORDS, np.int64)
    out = np.empty(np.diff(offsets).max() + 1, np.int64)
    number = 0
    for i in range(order.size):
        found = distinct_words(text, offsets[order[i]], offsets[order[i] + 1], seen, i, out)
        for j in range(found):
            word = out[j]
            if in_label[word] == 0:
                touched[number] = word
                number += 1
            in_label[word] += 1
        if i + 1 == order.size or labels[order[i + 1]] != labels[order[i]]:
            for j in range(number):
                word = touched[j]
                if columns.size > 0:
                    columns[ends[word]] = labels[order[i]]
                    counts[ends[word]] = in_label[word]
                else:
                    with_word[word] += in_label[word]
                ends[word] += 1
                in_label[word] = 0
            number = 0

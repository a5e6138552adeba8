"""The 8-letter words of sequences, and the naive Bayes sums over them (Wang et al. 2007, doi:10.1128/AEM.00062-07)."""

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


@njit(cache=True, nogil=True, inline="always")
def next_random(state: np.uint64) -> np.uint64:
    """xorshift64 (Marsaglia 2003): the whole generator is its state, so each sequence can have one of its own."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    return state ^ (state << np.uint64(17))


@njit(cache=True, nogil=True)
def classify(
    text: np.ndarray,
    offsets: np.ndarray,
    seeds: np.ndarray,
    starts: np.ndarray,
    columns: np.ndarray,
    weights: np.ndarray,
    sizes: np.ndarray,
    parents: np.ndarray,
    bootstraps: int,
    candidates: int,
    first: int,
    last: int,
    best: np.ndarray,
    support: np.ndarray,
) -> None:
    """Best label of each sequence, and at each rank how many bootstraps agree with it.

    `weights` and `sizes` are logarithms in fixed point. Bootstraps choose among the `candidates` best labels only.
    """
    labels = sizes.size
    top = min(candidates, labels)
    seen = np.full(WORDS, -1, np.int64)
    words = np.empty(max(1, (offsets[1:] - offsets[:-1]).max()), np.int64)
    score = np.empty(labels, np.int32)
    slot = np.full(labels, -1, np.int32)
    chosen = np.empty(top, np.int64)
    sums = np.empty(top, np.int32)
    for q in range(first, last):
        count = distinct_words(text, offsets[q], offsets[q + 1], seen, q, words)
        best[q] = -1
        if count < WORD:
            continue
        for g in range(labels):
            score[g] = -count * sizes[g]
        for i in range(count):
            for p in range(starts[words[i]], starts[words[i] + 1]):
                score[columns[p]] += weights[p]
        winner = np.argmax(score)
        best[q] = winner
        limit = np.partition(score, labels - top)[labels - top]
        number = 0
        for more in (True, False):  # all above the limit, then those at the limit as long as there is room
            for g in range(labels):
                if number < top and ((more and score[g] > limit) or (not more and score[g] == limit)):
                    chosen[number] = g
                    slot[g] = number
                    number += 1
        table = np.zeros((count, top), np.int32)
        for i in range(count):
            for p in range(starts[words[i]], starts[words[i] + 1]):
                if slot[columns[p]] >= 0:
                    table[i, slot[columns[p]]] = weights[p]
        state = seeds[q]
        drawn = max(1, count // WORD)
        for _ in range(bootstraps):
            for j in range(top):
                sums[j] = -drawn * sizes[chosen[j]]
            for _ in range(drawn):
                state = next_random(state)
                i = np.int64((state >> np.uint64(33)) % np.uint64(count))
                for j in range(top):
                    sums[j] += table[i, j]
            found = chosen[np.argmax(sums)]
            for rank in range(parents.shape[1]):
                if parents[found, rank] == parents[winner, rank]:
                    support[q, rank] += 1
        for j in range(number):
            slot[chosen[j]] = -1

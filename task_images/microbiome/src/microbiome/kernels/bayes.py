"""Naive Bayes over the words of a sequence, with bootstraps (Wang et al. 2007, doi:10.1128/AEM.00062-07)."""

from typing import NamedTuple

import numpy as np
from numba import njit

from microbiome.kernels.words import WORD, WORDS, distinct_words


class Weights(NamedTuple):
    """A trained model: word w's labels and weights are columns/weights[starts[w]:starts[w + 1]], in fixed point.

    `sizes` is the logarithm of each label's size, `parents` the number of its taxon at each rank.
    """

    starts: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    sizes: np.ndarray
    parents: np.ndarray


@njit(cache=True, nogil=True, inline="always")
def next_random(state: np.uint64) -> np.uint64:
    """xorshift64 (Marsaglia 2003): the whole generator is its state, so each sequence can have one of its own."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    return state ^ (state << np.uint64(17))


@njit(cache=True, nogil=True)
def score_labels(model: Weights, words: np.ndarray, count: int, score: np.ndarray) -> None:
    """The sum over all words for every label."""
    for label in range(score.size):
        score[label] = -count * model.sizes[label]
    for i in range(count):
        for p in range(model.starts[words[i]], model.starts[words[i] + 1]):
            score[model.columns[p]] += model.weights[p]


@njit(cache=True, nogil=True)
def choose_candidates(score: np.ndarray, chosen: np.ndarray, slot: np.ndarray) -> None:
    """The labels with the highest scores; among equal ones the first. slot[label] is its place in `chosen`."""
    limit = np.partition(score, score.size - chosen.size)[score.size - chosen.size]
    number = 0
    for above in (True, False):  # all above the limit, then those at the limit as long as there is room
        for label in range(score.size):
            wanted = score[label] > limit if above else score[label] == limit
            if wanted and number < chosen.size:
                chosen[number] = label
                slot[label] = number
                number += 1


@njit(cache=True, nogil=True)
def candidate_table(model: Weights, words: np.ndarray, count: int, slot: np.ndarray, candidates: int) -> np.ndarray:
    """Weights of the words for the candidates only, words x candidates."""
    table = np.zeros((count, candidates), np.int32)
    for i in range(count):
        for p in range(model.starts[words[i]], model.starts[words[i] + 1]):
            if slot[model.columns[p]] >= 0:
                table[i, slot[model.columns[p]]] = model.weights[p]
    return table


@njit(cache=True, nogil=True)
def shared_percent(table: np.ndarray, column: int) -> int:
    """How many of 100 words occur in the sequences of this candidate at all (rounded down)."""
    found = 0
    for i in range(table.shape[0]):
        found += table[i, column] > 0
    return 100 * found // table.shape[0]


@njit(cache=True, nogil=True)
def bootstrap(
    model: Weights,
    table: np.ndarray,
    chosen: np.ndarray,
    winner: int,
    seed: np.uint64,
    rounds: int,
    support: np.ndarray,
) -> None:
    """Count at each rank how many bootstraps of an eighth of the words agree with the winner."""
    state = seed
    count = table.shape[0]
    drawn = max(1, count // WORD)
    sums = np.empty(chosen.size, np.int32)
    for _ in range(rounds):
        for j in range(chosen.size):
            sums[j] = -drawn * model.sizes[chosen[j]]
        for _ in range(drawn):
            state = next_random(state)
            i = np.int64((state >> np.uint64(33)) % np.uint64(count))
            for j in range(chosen.size):
                sums[j] += table[i, j]
        found = chosen[np.argmax(sums)]
        for rank in range(support.size):
            if model.parents[found, rank] == model.parents[winner, rank]:
                support[rank] += 1


@njit(cache=True, nogil=True)
def classify(
    text: np.ndarray, offsets: np.ndarray, seeds: np.ndarray, model: Weights, rounds: int, candidates: int,
    first: int, last: int, best: np.ndarray, support: np.ndarray, shared: np.ndarray,
) -> None:  # fmt: skip
    """Best label of each sequence (-1: too few words), and at each rank how many bootstraps agree with it.

    Bootstraps choose among the `candidates` best labels only. `shared` gets the percentage of the sequence's words that
    occur in the best label's sequences.
    """
    labels = model.sizes.size
    seen = np.full(WORDS, -1, np.int64)
    words = np.empty(max(1, (offsets[1:] - offsets[:-1]).max()), np.int64)
    score = np.empty(labels, np.int32)
    slot = np.full(labels, -1, np.int32)
    chosen = np.empty(min(candidates, labels), np.int64)
    for q in range(first, last):
        count = distinct_words(text, offsets[q], offsets[q + 1], seen, q, words)
        best[q] = -1
        if count < WORD:
            continue
        score_labels(model, words, count, score)
        best[q] = np.argmax(score)
        choose_candidates(score, chosen, slot)
        table = candidate_table(model, words, count, slot, chosen.size)
        shared[q] = shared_percent(table, slot[best[q]])
        bootstrap(model, table, chosen, best[q], seeds[q], rounds, support[q])
        for label in chosen:
            slot[label] = -1

"""Name sequences with a model: the deepest rank that enough bootstraps agree on."""

import hashlib
from dataclasses import dataclass
from functools import partial

import numpy as np

from microbiome.classifier.lineage import RANKS
from microbiome.classifier.model import Model
from microbiome.kernels import bayes
from microbiome.parallel import over_ranges

BOOTSTRAPS = 100
# A label outside the 64 best for the whole read practically never wins a bootstrap of an eighth of its words.
CANDIDATES = 64
# Bootstraps tell which genus is the nearest, not whether it is near: a genus that the reference lacks gets the name of
# its neighbour. So a genus is named only if at least as many words are shared as at 94.5 % identity, the bound of a
# genus (Yarza et al. 2014, doi:10.1038/nrmicro3330): 0.945 ** 8 of the words. IDTAXA (Murali et al. 2018,
# doi:10.1186/s40168-018-0521-5) weighs similarity for the same reason.
GENUS_SHARED_PERCENT = 64
GENUS = RANKS.index("genus")


@dataclass(frozen=True)
class Assignment:
    """`names` down to the deepest supported rank; `confidence` is the support of that rank, 0.0 if there is none.

    `shared` is the percentage of the sequence's words that occur in the nearest reference sequences.
    """

    names: tuple[str, ...]
    confidence: float
    shared: int = 0


def assign(model: Model, sequences: list[bytes], threshold: float, threads: int | None = None) -> list[Assignment]:
    """One assignment per sequence. It depends on the sequence and the model only, not on its neighbours."""
    lengths = [len(sequence) for sequence in sequences]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    text = np.frombuffer(b"".join(sequences), np.uint8)
    best = np.full(len(sequences), -1, np.int64)
    support = np.zeros((len(sequences), len(RANKS)), np.int64)
    shared = np.zeros(len(sequences), np.int64)
    weights = bayes.Weights(model.starts, model.columns, model.weights, model.sizes, model.parents)
    kernel = partial(bayes.classify, text, offsets, _seeds(sequences), weights, BOOTSTRAPS, CANDIDATES)
    over_ranges(len(sequences), lambda first, last: kernel(first, last, best, support, shared), threads)
    support[shared < GENUS_SHARED_PERCENT, GENUS] = 0
    return [
        _assignment(model, int(label), row / BOOTSTRAPS, threshold, int(percent))
        for label, row, percent in zip(best, support, shared, strict=True)
    ]


def _seeds(sequences: list[bytes]) -> np.ndarray:
    """A seed per sequence, from the sequence: neither order nor batch nor thread can change a bootstrap."""
    digests = (hashlib.md5(sequence, usedforsecurity=False).digest()[:8] for sequence in sequences)
    return np.array([int.from_bytes(digest, "little") | 1 for digest in digests], np.uint64)


def _assignment(model: Model, label: int, support: np.ndarray, threshold: float, shared: int) -> Assignment:
    lineage = model.lineages[label] if label >= 0 else ()
    depth = len(_supported(lineage, support, threshold))
    while depth and not lineage[depth - 1]:
        depth -= 1
    return Assignment(lineage[:depth], float(support[depth - 1]) if depth else 0.0, shared)


def _supported(lineage: tuple[str, ...], support: np.ndarray, threshold: float) -> list[str]:
    """The ranks from the top for as long as their support reaches the threshold."""
    kept = []
    for name, share in zip(lineage, support, strict=False):
        if share < threshold:
            break
        kept.append(name)
    return kept

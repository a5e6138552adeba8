"""Sequences that run against the reference: reverse complements, as in libraries of mixed direction."""

import numpy as np

from microbiome.classifier.assign import GENUS_SHARED_PERCENT, Assignment, assign
from microbiome.classifier.model import Model

COMPLEMENT = bytes.maketrans(b"ACGT", b"TGCA")


def run_backwards(model: Model, sequences: list[bytes], found: list[Assignment]) -> np.ndarray:
    """Which sequences resemble the reference only when turned around: half of a genus's words, twice those of before.

    What is near the reference as it is cannot be turned, so only the others cost a second look.
    """
    backwards = np.zeros(len(sequences), np.bool_)
    far = [row for row, item in enumerate(found) if item.shared < GENUS_SHARED_PERCENT]
    if far:
        turned = assign(model, [sequences[row].translate(COMPLEMENT)[::-1] for row in far], 1.0)
        for row, item in zip(far, turned, strict=True):
            backwards[row] = item.shared >= max(GENUS_SHARED_PERCENT // 2, 2 * found[row].shared)
    return backwards

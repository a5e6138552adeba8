"""Phred scores as error probabilities, in fixed point so that sums do not depend on the processor.

Merging follows Edgar & Flyvbjerg 2015 (doi:10.1093/bioinformatics/btv401): the posterior error of a base seen twice.
"""

import numpy as np

SCORES = 94  # '!' to '~'
# One expected error is 2^40 units: a read of 10,000 bases of Q0 stays below 2^54, and Q93 is still 551 units.
UNIT = 1 << 40


def _errors() -> np.ndarray:
    # Q0 and Q1 claim errors above 3/4, which is what a random base has.
    return np.minimum(10.0 ** (-np.arange(SCORES) / 10.0), 0.75)


def single_table() -> np.ndarray:
    """Error of a base with one observation, by score."""
    return np.rint(_errors() * UNIT).astype(np.int64)


def agree_table() -> np.ndarray:
    """Error of a base that both reads agree on, by the two scores."""
    x, y = _errors()[:, None], _errors()[None, :]
    return np.rint((x * y / 3) / (1 - x - y + 4 * x * y / 3) * UNIT).astype(np.int64)


def differ_table() -> np.ndarray:
    """Error of the better base where the reads differ, by the two scores."""
    x, y = np.minimum.outer(_errors(), _errors()), np.maximum.outer(_errors(), _errors())
    return np.rint(x * (1 - y / 3) / (x + y - 4 * x * y / 3) * UNIT).astype(np.int64)


SINGLE, AGREE, DIFFER = single_table(), agree_table(), differ_table()

"""What to recommend: alternating least squares on implicit feedback (Hu, Koren, Volinsky 2008; library `implicit`)."""

from __future__ import annotations

import os

import numpy as np
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

FACTORS, ITERATIONS, REGULARIZATION, CONFIDENCE = 64, 15, 0.05, 10.0
_NONE = -1e30  # below it: implicit's mark of an item that was filtered out


def confidence(counts: csr_matrix) -> csr_matrix:
    """How sure it is that a user likes an item: it grows with the logarithm of how often they met."""
    weights = counts.astype(np.float32)
    weights.data = CONFIDENCE * (1.0 + np.log(weights.data))
    return weights


def recommend(weights: csr_matrix, top: int) -> tuple[np.ndarray, np.ndarray]:
    """(items, scores), both users × places: int32 (-1: no more) and float32; the best first, none that a user has."""
    users, items = weights.shape
    # The library runs threads of its own: BLAS's beside them only get in their way.
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=FACTORS,
            iterations=ITERATIONS,
            regularization=REGULARIZATION,
            random_state=0,
            use_gpu=False,
            num_threads=len(os.sched_getaffinity(0)),
        )
        model.fit(weights, show_progress=False)
        found, scores = model.recommend(np.arange(users), weights, N=min(top, items), filter_already_liked_items=True)
    return np.where(scores > _NONE, found, -1).astype(np.int32), np.where(scores > _NONE, scores, 0).astype(np.float32)

"""What to recommend: alternating least squares on implicit feedback (Hu, Koren, Volinsky 2008; library `implicit`)."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

_NONE = -1e30  # below it: implicit's mark of an item that was filtered out


@dataclass(frozen=True)
class Settings:
    """Of the model. The defaults are what is published with; `evaluate` tries others."""

    factors: int = 64
    regularization: float = 0.05
    iterations: int = 15
    confidence: float = 10.0  # of one interaction; it grows with the logarithm of how often they met


def recommend(counts: csr_matrix, top: int, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """(items, scores), both users × places: int32 (-1: no more) and float32; the best first, none that a user has."""
    users, items = counts.shape
    weights = _weights(counts, settings.confidence)
    # The library runs threads of its own: BLAS's beside them only get in their way.
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=settings.factors,
            iterations=settings.iterations,
            regularization=settings.regularization,
            random_state=0,
            use_gpu=False,
            num_threads=len(os.sched_getaffinity(0)),
        )
        model.fit(weights, show_progress=False)
        found, scores = model.recommend(np.arange(users), weights, N=min(top, items), filter_already_liked_items=True)
    return np.where(scores > _NONE, found, -1).astype(np.int32), np.where(scores > _NONE, scores, 0).astype(np.float32)


def _weights(counts: csr_matrix, confidence: float) -> csr_matrix:
    weights = counts.astype(np.float32)
    weights.data = confidence * (1.0 + np.log(weights.data))
    return weights

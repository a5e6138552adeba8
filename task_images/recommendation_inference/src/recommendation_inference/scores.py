"""A prepared .npz file in, a file of scores out."""

from __future__ import annotations

import io
import zipfile
from dataclasses import asdict

import numpy as np
from scipy.sparse import csr_matrix

from recommendation_inference.errors import BadInput
from recommendation_inference.model import Settings, recommend
from recommendation_inference.quality import Quality, quality


def read_counts(prepared: bytes) -> csr_matrix:
    """int32, users × items: how often they met. Rows of the file: `user`, `item`, `count`. Raises BadInput."""
    try:
        with np.load(io.BytesIO(prepared), allow_pickle=False) as arrays:
            user, item, count = (arrays[name] for name in ("user", "item", "count"))
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BadInput(f"not a file that preprocess wrote: {error}") from error
    if not len(user):
        raise BadInput("no interaction in the prepared file")
    return csr_matrix((count, (user, item)))


def scored(prepared: bytes, top: int) -> tuple[bytes, Quality]:
    """(.npz with `item`, `score` (users × places) and the figures of Quality by name, the figures)."""
    counts = read_counts(prepared)
    items, scores = recommend(counts, top, Settings())
    figures = quality(counts, top, Settings())
    file = io.BytesIO()
    np.savez_compressed(file, item=items, score=scores, **{k: np.array(v) for k, v in asdict(figures).items()})
    return file.getvalue(), figures

"""The nearest articles of each article, by the cosine of their sets of readers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_matrix, diags
from sparse_dot_topn import sp_matmul_topn

from related_articles.events import Readings

# An article with one reader is as near to everything that this reader has read: no evidence.
MIN_READERS = 2


def related(readings: Readings, top: int, threads: int) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """(article, [(related article, similarity 0 to 1), …]) by name of article; the nearest first, ties by name."""
    matrix = readings.matrix
    counts = np.asarray(matrix.sum(axis=0)).ravel()
    weight = np.where(counts >= MIN_READERS, 1.0 / np.sqrt(np.maximum(counts, 1.0)), 0.0).astype(np.float32)
    columns = (matrix @ diags(weight)).tocsr()
    columns.eliminate_zeros()
    rows = csr_matrix(columns.T)
    # One more than wanted: every article is nearest to itself.
    nearest = sp_matmul_topn(rows, columns, top_n=top + 1, sort=True, n_threads=threads)
    names = readings.articles
    for index, name in enumerate(names):
        span = slice(nearest.indptr[index], nearest.indptr[index + 1])
        found = zip(nearest.indices[span].tolist(), nearest.data[span].tolist(), strict=True)
        # Rounded, so that the same events give the same text whatever the order of the sums.
        pairs = [(names[other], round(score, 5)) for other, score in found if other != index]
        yield name, sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:top]

"""How good the model is on this date: is an item that was held back among the recommended ones?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from recommendation_inference.model import Settings, recommend

LEAST_ITEMS = 4  # of a user of whom one is held back
MOST_USERS = 10_000  # judged; a share beyond that costs time and tells no more


@dataclass(frozen=True)
class Quality:
    """Shares of the judged users, 0 to 1 (0 where nobody could be judged)."""

    hit_rate: float
    popularity_hit_rate: float  # of the most popular items that the user has not: what a model must beat
    judged_users: int


def quality(counts: csr_matrix, top: int, settings: Settings) -> Quality:
    """Hold back one item each of some users, learn from the rest, look for it among the `top` recommended."""
    known, users, held = held_back(counts)
    if not len(users):
        return Quality(0.0, 0.0, 0)
    found, _ = recommend(known, top, settings)
    hits = (found[users] == held[:, None]).any(axis=1)
    by_popularity = np.argsort(-known.getnnz(axis=0), kind="stable")
    popular = [_popular_hit(known, by_popularity, user, item, top) for user, item in zip(users, held, strict=True)]
    return Quality(float(hits.mean()), float(np.mean(popular)), len(users))


def held_back(counts: csr_matrix) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    """(`counts` without what is held back, the judged users, the item held back of each)."""
    chance = np.random.default_rng(0)
    users = np.flatnonzero(np.diff(counts.indptr) >= LEAST_ITEMS)
    users = np.sort(chance.permutation(users)[:MOST_USERS])
    places = chance.integers(counts.indptr[users], counts.indptr[users + 1])
    known = counts.copy()
    known.data[places] = 0
    known.eliminate_zeros()
    return known, users, counts.indices[places]


def _popular_hit(known: csr_matrix, by_popularity: np.ndarray, user: int, item: int, top: int) -> bool:
    has = known.indices[known.indptr[user] : known.indptr[user + 1]]
    first = by_popularity[: top + len(has)]
    return bool(item in first[~np.isin(first, has)][:top])

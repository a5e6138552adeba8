"""Made-up readers with known tastes: articles in clusters, readers who keep to a few of them, and popular articles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CLUSTER_SIZE = 20
LOYALTY = 0.85  # of a reader's articles are of the reader's own clusters; the rest is what everybody reads


def cluster_of(article: str) -> int:
    return int(article.removeprefix("article-")) // CLUSTER_SIZE


def generate_events(path: Path, *, readers: int, articles: int, events: int, seed: int) -> Path:
    """Write `events` rows (reader, article); which articles belong together says cluster_of."""
    chance = np.random.default_rng(seed)
    clusters = articles // CLUSTER_SIZE
    reader = chance.integers(readers, size=events, dtype=np.int32)
    tastes = chance.integers(clusters, size=(readers, 2), dtype=np.int32)
    own = tastes[reader, chance.integers(2, size=events)] * CLUSTER_SIZE + chance.integers(CLUSTER_SIZE, size=events)
    # Popularity as in life: a few articles are read by everyone (Zipf), of whatever cluster.
    popular = np.minimum(chance.zipf(1.3, size=events) - 1, articles - 1) * 7919 % articles
    article = np.where(chance.random(events) < LOYALTY, own, popular)
    names = {"reader": ("reader", reader), "article": ("article", article)}
    columns = {
        key: pa.array([f"{word}-{number}" for number in numbers.tolist()]) for key, (word, numbers) in names.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, compression="zstd")
    return path

"""Made-up interactions with known tastes: users who keep to a few groups of items, and items that everybody takes."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GROUP_SIZE = 20
LOYALTY = 0.8  # of a user's interactions are with the user's own groups; the rest is with what is popular


def group_of(item: str) -> int:
    return int(item.removeprefix("item-")) // GROUP_SIZE


def generate_interactions(folder: Path, date: str, *, users: int, items: int, events: int, seed: int) -> Path:
    """Write `<folder>/date=<date>/interactions.parquet`, `events` rows (user, item), and `<folder>/tastes.json`.

    Which items belong together says group_of; users and their tastes (two groups each) follow from the seed, what they
    do from seed and date.
    """
    tastes = np.random.default_rng(seed).integers(items // GROUP_SIZE, size=(users, 2), dtype=np.int32)
    chance = np.random.default_rng([seed, dt.date.fromisoformat(date).toordinal()])
    user = chance.integers(users, size=events, dtype=np.int32)
    own = tastes[user, chance.integers(2, size=events)] * GROUP_SIZE + chance.integers(GROUP_SIZE, size=events)
    popular = np.minimum(chance.zipf(1.3, size=events) - 1, items - 1) * 7919 % items
    item = np.where(chance.random(events) < LOYALTY, own, popular)
    columns = {
        name: pa.array([f"{name}-{number}" for number in numbers.tolist()])
        for name, numbers in {"user": user, "item": item}.items()
    }
    path = folder / f"date={date}" / "interactions.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, compression="zstd")
    known = {f"user-{number}": groups for number, groups in enumerate(tastes.tolist())}
    (folder / "tastes.json").write_text(json.dumps(known))
    return path

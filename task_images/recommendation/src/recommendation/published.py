"""The result of a date: recommendations by name, and the document that says that the date is done."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import numpy as np

from recommendation.errors import BadInput
from recommendation.interactions import names_of


def recommendations(prepared: bytes, scores: bytes) -> tuple[bytes, dict[str, Any]]:
    """(gzipped NDJSON with one line per user, figures). The same scores give the same bytes.

    A line: {"user": "u1", "items": [["i7", 0.93], …]}, the best first. `scores` is an .npz file: `item` (int32, -1:
    none) and `score` (float32), users × places; `hit_rate`, `popularity_hit_rate` and `judged_users`, one number each.
    """
    users, items = names_of(prepared)
    with np.load(io.BytesIO(scores), allow_pickle=False) as arrays:
        best, values = arrays["item"], arrays["score"]
        figures = {name: arrays[name].item() for name in ("hit_rate", "popularity_hit_rate", "judged_users")}
    if best.shape != values.shape or len(best) != len(users) or (best.size and best.max() >= len(items)):
        raise BadInput(f"scores {best.shape} are not of these {len(users)} users and {len(items)} items")
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0, filename="") as out:
        for user, row, scored in zip(users, best.tolist(), values.tolist(), strict=True):
            found = [[items[item], round(score, 5)] for item, score in zip(row, scored, strict=True) if item >= 0]
            line = json.dumps({"user": user, "items": found}, separators=(",", ":"), ensure_ascii=False)
            out.write(line.encode() + b"\n")
    return file.getvalue(), {"users": len(users), "items": len(items), **figures}

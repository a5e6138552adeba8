"""The points of a grid as one table and one picture, beside the best point. Each content is written once.

A bad point has left its problem instead of figures: the table names it. One that left nothing is missing.

Everything lies under `<folder>/tuning/<hash of the table>/`: another set of points is another table, so a partial one
stays beside the complete one. `summary.json` is written last.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import Any

from recommendation import store
from recommendation.errors import BadInput
from recommendation.figure import Point, drawn

COLUMNS = ("factors", "regularization", "hit_rate", "popularity_hit_rate", "judged_users", "problem")
MISSING = "no result"


def compare(manifest_uri: str, *, allow_missing: bool) -> dict[str, Any]:
    """Gather what `evaluate` left of each point of the plan. Returns the result document."""
    manifest = json.loads(store.there(manifest_uri, "clear the task plan_points"))
    rows = [_row(item) for item in manifest["items"]]
    rows.sort(key=lambda row: (row["regularization"], row["factors"]))
    missing = [_name(row) for row in rows if row["problem"] == MISSING]
    if missing and not allow_missing:
        raise BadInput(f"{len(missing)} of {len(rows)} points have no result: {'; '.join(missing[:5])}; clear evaluate")
    judged = [row for row in rows if not row["problem"]]
    if not judged:
        raise BadInput(f"none of {len(rows)} points has a result; see the logs of evaluate")
    text = _table(rows)
    folder = f"{manifest['parameters']['folder']}/tuning/{hashlib.sha256(text).hexdigest()}"
    best = max(judged, key=lambda row: (row["hit_rate"], -row["factors"]))
    popularity = best["popularity_hit_rate"]
    summary = {
        "best": {name: best[name] for name in ("factors", "regularization", "hit_rate")},
        "popularity_hit_rate": popularity,
        "beats_popularity": best["hit_rate"] > popularity,
        "judged_users": best["judged_users"],
        "points": len(rows),
        "missing": missing,
        "bad": {_name(row): row["problem"] for row in rows if row["problem"] not in ("", MISSING)},
        "table": f"{folder}/table.csv",
        "picture": f"{folder}/picture.svg",
    }
    points = [Point(row["factors"], row["regularization"], row["hit_rate"]) for row in judged]
    fresh = [
        store.write_once(summary["table"], text),
        store.write_once(summary["picture"], drawn(points, popularity).encode()),
        store.write_once(f"{folder}/summary.json", json.dumps(summary, indent=1, sort_keys=True).encode()),
    ]
    print(f"best of {len(judged)}: {summary['best']}, of popularity {popularity:.3f}; {folder}", flush=True)
    counts = {"points": len(rows), "missing": len(missing), "written": sum(fresh)}
    outputs = {"summary": f"{folder}/summary.json", "table": summary["table"], "picture": summary["picture"]}
    return {"schema_version": 1, "task": "recommendation", "counts": counts, "outputs": outputs}


def _row(item: dict[str, Any]) -> dict[str, Any]:
    """By COLUMNS; the settings of a point without result are those of its name."""
    named = dict(word.split("=", 1) for word in item["key"].split())
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    row |= {"factors": int(named["factors"]), "regularization": float(named["regularization"])}
    body = store.read(f"{item['result']}.json")
    if body is None:
        return row | {"problem": MISSING}
    found = json.loads(body)
    return row | {name: found[name] for name in COLUMNS[2:] if name in found}


def _name(row: dict[str, Any]) -> str:
    return f"factors={row['factors']} regularization={row['regularization']:g}"


def _table(rows: list[dict[str, Any]]) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()

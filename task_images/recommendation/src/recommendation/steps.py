"""The two steps around the model. `<output>/<date>.json` is written last, and once: a date that has it is done.

What leads to it lies under `<output>/<date>/<state>/`, where the state is that of the date's files. A crash leaves
objects there that are whole and belong to that state, and no <date>.json: the next attempt goes on from them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from recommendation import store
from recommendation.errors import BadInput
from recommendation.interactions import prepared
from recommendation.published import recommendations


def preprocess(date: str, source: str, output: str) -> dict[str, Any]:
    """Prepare the interactions below `<source>/date=<date>/`. Returns the result document."""
    day = _day(date)
    marker = f"{output.rstrip('/')}/{day}.json"
    if done := store.read(marker):
        folder = json.loads(done)["folder"]
        print(f"{day} is published already ({marker}); it stays as it is", flush=True)
        return _document({"published": 1}, folder, marker)
    prefix = f"{source.rstrip('/')}/date={day}/"
    files = store.parquet_files(prefix)
    if not files:
        raise BadInput(f"no interactions of {day}: no *.parquet under {prefix}; deliver them, then clear the task")
    folder = f"{output.rstrip('/')}/{day}/{store.state_of(files)}"
    with tempfile.TemporaryDirectory() as scratch:
        file, counts = prepared(store.download(prefix, files, Path(scratch)))
    fresh = store.write_once(f"{folder}/interactions.npz", file)
    print(f"{counts} in {len(files)} files: {folder}/interactions.npz{'' if fresh else ' (was there)'}", flush=True)
    return _document({**counts, "published": 0}, folder, marker)


def postprocess(uri: str) -> dict[str, Any]:
    """Publish what the model found for the result document of preprocess. Returns the result document."""
    outputs = json.loads(store.there(uri, "clear the task that writes it"))["outputs"]
    folder, marker = outputs["folder"], outputs["summary"]
    if store.read(marker):
        print(f"{marker} is there already; it stays as it is", flush=True)
        return _document({"published": 0}, folder, marker)
    files = {name: store.read(f"{folder}/{name}.npz") for name in ("interactions", "scores")}
    if missing := [name for name, file in files.items() if file is None]:
        raise BadInput(f"{folder} has no {missing[0]}.npz; clear the task before this one")
    body, figures = recommendations(files["interactions"] or b"", files["scores"] or b"")
    # Under its own hash: what <date>.json names cannot be another attempt's.
    digest = hashlib.sha256(body).hexdigest()
    target = f"{folder}/{digest}.ndjson.gz"
    store.write_once(target, body)
    summary = {"date": Path(marker).stem, "folder": folder, "recommendations": target, "sha256": digest, **figures}
    fresh = store.write_once(marker, json.dumps(summary, indent=1, sort_keys=True).encode())
    print(f"{marker}: {figures}" if fresh else f"{marker} was written by another run meanwhile; it stays", flush=True)
    return _document({"users": figures["users"], "published": int(fresh)}, folder, marker)


def _day(text: str) -> dt.date:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        how = "tasklane run recommendation --date 2026-11-20"
        raise BadInput(f"--date {text!r} is no date (YYYY-MM-DD); start the run with one: {how}") from None


def _document(counts: dict[str, int], folder: str, marker: str) -> dict[str, Any]:
    outputs = {"folder": folder, "summary": marker}
    return {"schema_version": 1, "task": "recommendation", "counts": counts, "outputs": outputs}

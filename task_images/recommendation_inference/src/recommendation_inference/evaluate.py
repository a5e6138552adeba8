"""How good the model is with other settings: one point of a grid, which is a batch of a fan-out's plan."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from typing import Any

from scipy.sparse import csr_matrix

from recommendation_inference import store
from recommendation_inference.errors import BadInput
from recommendation_inference.model import Settings
from recommendation_inference.quality import quality
from recommendation_inference.scores import read_counts

TOP = 10


def my_batch() -> int:
    """The batch of this child of an array job (docs/fan-out-manifest.md of the project)."""
    uri = os.environ.get("TASKLANE_BATCHES_URI")
    if not uri:
        raise BadInput("no batch: give --batch N (only a container of an array job may leave it out)")
    position = int(os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX", "0"))
    return int(json.loads(store.there(uri, "start the fan-out anew"))["batches"][position])


def evaluate(manifest_uri: str, batch: int) -> dict[str, Any]:
    """Write the figures of the batch's point, or its problem, as its result, once. Returns the result document."""
    manifest = json.loads(store.there(manifest_uri, "clear the task plan_points"))
    points = [item for item in manifest["items"] if item["batch"] == batch]
    if len(points) != 1:
        raise BadInput(f"{manifest_uri}: batch {batch} has {len(points)} points; plan one point per batch")
    [point] = points
    target = f"{point['result']}.json"
    known = store.read(target)
    if known is None:
        prepared = store.there(f"{manifest['parameters']['folder']}/interactions.npz", "clear the task preprocess")
        found = judged(read_counts(prepared), point["key"])
        store.write(target, json.dumps(found, indent=1, sort_keys=True).encode(), once=True)
    else:
        found = json.loads(known)
        print(f"{target} is there already; it stays as it is", flush=True)
    if "problem" in found:  # on record by name; and bad input, whoever asks again
        raise BadInput(found["problem"])
    print(f"{point['key']}: {found}", flush=True)
    counts, outputs = {"computed": int(known is None)}, {"point": target}
    return {"schema_version": 1, "task": "recommendation_inference", "counts": counts, "outputs": outputs}


def judged(counts: csr_matrix, point: str) -> dict[str, Any]:
    """Settings and figures of one point, or its `problem`: settings that these interactions do not bear."""
    fewest = min(counts.shape)
    try:
        settings = settings_of(point)
        if not 1 <= settings.factors < fewest:
            raise BadInput(
                f"factors={settings.factors}: {counts.shape[0]} users and {counts.shape[1]} items bear 1 to "
                f"{fewest - 1}; leave this point out of the grid"
            )
    except BadInput as problem:
        return {"problem": str(problem)}
    return {"settings": asdict(settings), "top": TOP, **asdict(quality(counts, TOP, settings))}


def settings_of(point: str) -> Settings:
    """From a point's name: `factors=64 regularization=0.05`; what it does not name keeps its default."""
    kinds = {field.name: type(field.default) for field in fields(Settings)}
    given: dict[str, Any] = {}
    for word in point.split():
        name, _, value = word.partition("=")
        if name not in kinds:
            raise BadInput(f"point {point!r}: no setting {name!r} (there are: {', '.join(kinds)})")
        try:
            given[name] = kinds[name](value)
        except ValueError:
            raise BadInput(f"point {point!r}: {name}={value} is no {kinds[name].__name__}") from None
    return Settings(**given)

"""`python -m recommendation_inference --prepared URI`. Exit codes: 0 done, 2 bad input (no retry), else: retry."""

import argparse
import json
import os
import resource
import sys
from dataclasses import asdict
from typing import Any

from recommendation_inference import store
from recommendation_inference.errors import BadInput


def infer(uri: str, top: int) -> dict[str, Any]:
    """Scores beside the prepared file, once: those that are there stay. Returns the result document."""
    folder = json.loads(_there(uri, "clear the task that writes it"))["outputs"]["folder"]
    target = f"{folder}/scores.npz"
    counts: dict[str, float] = {"computed": 0}
    if store.read(target) is not None:
        print(f"{target} is there already; it stays as it is", flush=True)
    else:
        from recommendation_inference.scores import scored

        body, figures = scored(_there(f"{folder}/interactions.npz", "clear the task preprocess"), top)
        store.write(target, body, once=True)
        print(f"{target}: hit rate {figures.hit_rate:.3f} at {top}, of popularity {figures.popularity_hit_rate:.3f}"
              f" ({figures.judged_users} users judged)", flush=True)  # fmt: skip
        counts = {"computed": 1, **asdict(figures)}
    outputs = {"folder": folder, "scores": target}
    return {"schema_version": 1, "task": "recommendation_inference", "counts": counts, "outputs": outputs}


def _there(uri: str, fix: str) -> bytes:
    body = store.read(uri)
    if body is None:
        raise BadInput(f"no object at {uri}; {fix}")
    return body


def peak_memory_mib() -> float:
    """MiB that this process used at most so far: what the task's size should be judged by."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)  # KiB (getrusage(2), Linux)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="recommendation_inference", description=__doc__)
    parser.add_argument("--prepared", required=True, help="URI of the result document of `recommendation preprocess`")
    parser.add_argument("--top", type=int, default=10, help="items per user (default: 10)")
    options = parser.parse_args(arguments)
    try:
        document = infer(options.prepared, options.top)
    except BadInput as problem:
        print(f"error: {problem}", flush=True)
        return 2
    if result := os.environ.get("TASKLANE_RESULT_URI"):
        document |= {"peak_memory_mib": peak_memory_mib()}
        store.write(result, json.dumps(document, sort_keys=True).encode(), once=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())

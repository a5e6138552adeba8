"""`python -m recommendation_inference infer|evaluate`. Exit codes: 0 done, 2 bad input (no retry), else: retry."""

import argparse
import json
import os
import resource
import sys
from dataclasses import asdict
from typing import Any

from recommendation_inference import store
from recommendation_inference.errors import BadInput


def infer(options: argparse.Namespace) -> dict[str, Any]:
    """Scores beside the prepared file, once: those that are there stay. Returns the result document."""
    folder = json.loads(store.there(options.prepared, "clear the task that writes it"))["outputs"]["folder"]
    target = f"{folder}/scores.npz"
    counts: dict[str, float] = {"computed": 0}
    if store.read(target) is not None:
        print(f"{target} is there already; it stays as it is", flush=True)
    else:
        from recommendation_inference.scores import scored

        body, figures = scored(store.there(f"{folder}/interactions.npz", "clear the task preprocess"), options.top)
        store.write(target, body, once=True)
        print(f"{target}: hit rate {figures.hit_rate:.3f} at {options.top}, of popularity"
              f" {figures.popularity_hit_rate:.3f} ({figures.judged_users} users judged)", flush=True)  # fmt: skip
        counts = {"computed": 1, **asdict(figures)}
    outputs = {"folder": folder, "scores": target}
    return {"schema_version": 1, "task": "recommendation_inference", "counts": counts, "outputs": outputs}


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    from recommendation_inference import evaluate as one

    return one.evaluate(options.manifest, one.my_batch() if options.batch is None else options.batch)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="recommendation_inference", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    first = commands.add_parser("infer", help="what to recommend to whom, of a date")
    first.add_argument("--prepared", required=True, help="URI of the result document of `recommendation preprocess`")
    first.add_argument("--top", type=int, default=10, help="items per user (default: 10)")
    first.set_defaults(act=infer)
    judges = commands.add_parser("evaluate", help="how good the model is at one point of a grid of settings")
    judges.add_argument("--manifest", required=True, help="URI of the plan; its points name their settings")
    judges.add_argument("--batch", type=int, help="index of the batch (default: that of this child of an array job)")
    judges.set_defaults(act=evaluate)
    return top


def peak_memory_mib() -> float:
    """MiB that this process used at most so far: what the task's size should be judged by."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)  # KiB (getrusage(2), Linux)


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        document = options.act(options)
    except BadInput as problem:
        print(f"error: {problem}", flush=True)
        return 2
    if result := os.environ.get("TASKLANE_RESULT_URI"):
        document |= {"peak_memory_mib": peak_memory_mib()}
        store.write(result, json.dumps(document, sort_keys=True).encode(), once=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())

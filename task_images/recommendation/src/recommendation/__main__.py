"""`python -m recommendation preprocess|postprocess|compare|generate`. Exit codes: 0 done, 2 bad input, else: retry."""

import argparse
import os
import resource
import sys
from pathlib import Path
from typing import Any

from recommendation.errors import BadInput, SourceMoved


def preprocess(options: argparse.Namespace) -> dict[str, Any]:
    from recommendation import steps

    return steps.preprocess(options.date, options.source, options.output)


def postprocess(options: argparse.Namespace) -> dict[str, Any]:
    from recommendation import steps

    return steps.postprocess(options.prepared)


def compare(options: argparse.Namespace) -> dict[str, Any]:
    from recommendation import tuning

    return tuning.compare(options.manifest, allow_missing=options.allow_missing)


def generate(options: argparse.Namespace) -> None:
    from recommendation.generate import generate_interactions

    sizes = {"users": options.users, "items": options.items, "events": options.events}
    print(generate_interactions(Path(options.out), options.date, seed=options.seed, **sizes))


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="recommendation", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    first = commands.add_parser("preprocess", help="a date's interactions, prepared for the model")
    first.add_argument("--date", required=True, help="YYYY-MM-DD")
    first.add_argument(
        "--source", required=True, help="s3://<bucket>/<prefix>, with date=<date>/*.parquet (user, item)"
    )
    first.add_argument("--output", required=True, help="s3://<bucket>/<prefix> that <date>.json goes under")
    first.set_defaults(act=preprocess)
    last = commands.add_parser("postprocess", help="publish what the model found")
    last.add_argument("--prepared", required=True, help="URI of the result document of preprocess")
    last.set_defaults(act=postprocess)
    gathers = commands.add_parser("compare", help="the points of a grid of settings as one table and one picture")
    gathers.add_argument("--manifest", required=True, help="URI of the plan of the points")
    gathers.add_argument("--allow-missing", action="store_true", help="name points without result instead of failing")
    gathers.set_defaults(act=compare)
    makes = commands.add_parser("generate", help="made-up interactions with known groups")
    makes.add_argument("--out", required=True, help="a folder; date=<date>/interactions.parquet goes into it")
    makes.add_argument("--date", required=True, help="YYYY-MM-DD")
    for name, default in {"users": 1000, "items": 400, "events": 20_000, "seed": 1}.items():
        makes.add_argument(f"--{name}", type=int, default=default)
    makes.set_defaults(act=generate)
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
    except SourceMoved as passing:
        print(f"error: {passing}", flush=True)
        return 1
    if document and (result := os.environ.get("TASKLANE_RESULT_URI")):
        from recommendation import store

        store.write_result(result, document | {"peak_memory_mib": peak_memory_mib()})
    return 0


if __name__ == "__main__":
    sys.exit(main())

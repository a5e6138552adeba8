"""`python -m related_articles similar|generate`. Exit codes: 0 done, 2 bad input (no retry), anything else: retry."""

import argparse
import gzip
import os
import resource
import sys
import tempfile
from pathlib import Path

from related_articles import bucket
from related_articles.errors import BadInput, SourceMoved


def similar(options: argparse.Namespace) -> int:
    """The set lies under its name; <name>.json is written last and says that it is whole. One that has it stays."""
    output = options.output.rstrip("/")
    files = bucket.parquet_files(options.events)
    folder = f"{output}/{bucket.name_of_set(files, output, options.top)}"
    if done := bucket.read_json(f"{folder}.json"):
        print(f"{folder}.json is there already; it stays as it is", flush=True)
        return tell(done["articles"], folder)
    with tempfile.TemporaryDirectory() as scratch:
        paths = bucket.download(options.events, files, Path(scratch))
        target = Path(scratch, "related.ndjson.gz")
        readers, articles = write_set(paths, options.top, target)
        bucket.upload(target, f"{folder}/related.ndjson.gz")
    summary = {
        "state": Path(folder).name,
        "set": f"{folder}/related.ndjson.gz",
        "articles": articles,
        "readers": readers,
        "top": options.top,
    }
    bucket.write_json(f"{folder}.json", summary, IfNoneMatch="*")
    print(f"{articles} articles with up to {options.top} related ones: {folder}/related.ndjson.gz", flush=True)
    return tell(articles, folder)


def write_set(paths: list[Path], top: int, target: Path) -> tuple[int, int]:
    """(readers, articles). Raises BadInput where no article has a related one: such a set must not go live."""
    from related_articles.events import read_events
    from related_articles.similarity import related

    readings = read_events(paths)
    readers, articles = readings.matrix.shape
    print(f"{readings.matrix.nnz} readings of {articles} articles by {readers} readers", flush=True)
    pairs = 0
    with target.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6, mtime=0, filename="") as out:
        for article, near in related(readings, top, len(os.sched_getaffinity(0))):
            pairs += len(near)
            out.write(bucket.line(article, near))
    if not pairs:
        raise BadInput(f"none of {articles} articles has a related one: no two share two readers; deliver more events")
    return readers, articles


def tell(articles: int, folder: str) -> int:
    """Write the result document where one is asked for."""
    if result := os.environ.get("TASKLANE_RESULT_URI"):
        document = {"schema_version": 1, "task": "related_articles", "counts": {"articles": articles}}
        document |= {"outputs": {"summary": f"{folder}.json", "set": f"{folder}/related.ndjson.gz"}}
        bucket.write_json(result, document | {"peak_memory_mib": peak_memory_mib()})
    return 0


def peak_memory_mib() -> float:
    """MiB that this process used at most so far: what the task's size should be judged by."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)  # KiB (getrusage(2), Linux)


def generate(options: argparse.Namespace) -> int:
    from related_articles.generate import generate_events

    sizes = {"readers": options.readers, "articles": options.articles, "events": options.events}
    print(generate_events(Path(options.out), seed=options.seed, **sizes))
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="related_articles", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    finds = commands.add_parser("similar", help="find the related articles of each article")
    finds.add_argument("--events", required=True, help="s3://<bucket>/<prefix>/ of Parquet files (reader, article)")
    finds.add_argument("--output", required=True, help="s3://<bucket>/<prefix> that the set goes under")
    finds.add_argument("--top", type=int, default=10, help="related articles per article (default: 10)")
    finds.set_defaults(act=similar)
    makes = commands.add_parser("generate", help="made-up events with known clusters")
    makes.add_argument("--out", required=True, help="a file")
    for name, default in {"readers": 2000, "articles": 400, "events": 40_000, "seed": 1}.items():
        makes.add_argument(f"--{name}", type=int, default=default)
    makes.set_defaults(act=generate)
    return top


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        return int(options.act(options))
    except BadInput as problem:
        print(f"error: {problem}", flush=True)
        return 2
    except SourceMoved as passing:
        print(f"error: {passing}", flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())

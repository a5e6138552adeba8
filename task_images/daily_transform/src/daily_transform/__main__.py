"""`python -m daily_transform run|generate`. Exit codes: 0 done, 2 bad input (no retry), anything else: retry."""

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path

from daily_transform import bucket
from daily_transform.errors import BadInput, SourceMoved, TooSmall
from daily_transform.transform import sql_files, transform

SQL = Path(__file__).with_name("sql")
EXIT_TOO_SMALL = 137  # what a container killed for its memory ends with: the lane goes on with the next size


def run(options: argparse.Namespace) -> int:
    """Tables lie under the state of their source, and <state>.json is written last: it says that they are whole.

    A state that has it stays as it is, whatever the SQL files say by now.
    """
    scripts = sql_files(Path(options.sql))
    files = bucket.parquet_files(options.source)
    state = bucket.fingerprint(files)
    folder = f"{options.output.rstrip('/')}/{state}"
    if done := bucket.read_json(f"{folder}.json"):
        print(
            f"{folder}.json is there already; it stays as it is (result_version in task.toml makes it anew)", flush=True
        )
        return tell(done["rows"], done["tables"])
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "out")
        out.mkdir()
        paths = bucket.download(options.source, files, Path(scratch))
        print(f"{len(files)} files, {sum(f.bytes for f in files)} bytes of {options.source}", flush=True)
        rows = transform(paths, scripts, out)
        for table, count in rows.items():
            bucket.upload(out / f"{table}.parquet", f"{folder}/{table}.parquet")
            print(f"{table}: {count} rows", flush=True)
    tables = {table: f"{folder}/{table}.parquet" for table in rows}
    summary = {"source": options.source, "state": state, "files": len(files), "rows": rows, "tables": tables}
    bucket.write_json(f"{folder}.json", summary, IfNoneMatch="*")
    return tell(rows, tables)


def tell(rows: dict[str, int], tables: dict[str, str]) -> int:
    """Write the result document where one is asked for."""
    if result := os.environ.get("TASKLANE_RESULT_URI"):
        document = {"schema_version": 1, "task": "daily_transform", "counts": rows, "outputs": tables}
        bucket.write_json(result, document | {"peak_memory_mib": peak_memory_mib()})
    return 0


def peak_memory_mib() -> float:
    """MiB that this process used at most so far: what the task's size should be judged by."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)  # KiB (getrusage(2), Linux)


def generate(options: argparse.Namespace) -> int:
    from daily_transform.generate import generate_orders

    path = generate_orders(Path(options.out), seed=options.seed, orders=options.orders, day=options.day)
    print(path)
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="daily_transform", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    runs = commands.add_parser("run", help="transform a source")
    runs.add_argument("--source", required=True, help="s3://<bucket>/<prefix>/ of Parquet files")
    runs.add_argument("--output", required=True, help="s3://<bucket>/<prefix> that results go under")
    runs.add_argument("--sql", default=str(SQL), help="folder of SQL files, run by name (default: the image's)")
    runs.set_defaults(act=run)
    generates = commands.add_parser("generate", help="a Parquet file of made-up orders")
    generates.add_argument("--out", required=True, help="folder")
    generates.add_argument("--orders", type=int, default=10_000)
    generates.add_argument("--seed", type=int, default=1)
    generates.add_argument("--day", default="2026-01-01", help="YYYY-MM-DD")
    generates.set_defaults(act=generate)
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
    except TooSmall as limit:
        print(f"error: {limit}", flush=True)
        return EXIT_TOO_SMALL


if __name__ == "__main__":
    sys.exit(main())

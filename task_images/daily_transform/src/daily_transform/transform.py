"""Run the SQL files over the Parquet files; every table that they leave becomes one Parquet file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from daily_transform.errors import BadInput, TooSmall

_CGROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")
_MEMORY_SHARE = 0.8
# Not the SQL's fault: the disk, the network, DuckDB itself.
_OURS = (duckdb.IOException, duckdb.InternalException, duckdb.FatalException)
_NAME = re.compile(r"[A-Za-z0-9_]+")


def memory_bytes() -> int:
    """What the container may use: its control group's limit, else half of the machine."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        text = _CGROUP_MEMORY.read_text().strip()
    except OSError:
        return machine // 2
    return min(machine, int(text)) if text.isdigit() else machine // 2


def sql_files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.sql"))
    if not files:
        raise BadInput(f"no *.sql in {folder}; the image holds them, or --sql names a folder")
    return files


def transform(sources: Sequence[Path], scripts: Sequence[Path], out: Path) -> dict[str, int]:
    """Tables and their rows; `<table>.parquet` of each is in `out`. Temporary tables are none.

    Raises BadInput, naming file and cause, and TooSmall where neither the memory nor the disk beside it suffices.
    """
    try:
        return _transform(sources, scripts, out)
    except duckdb.OutOfMemoryException as error:
        raise TooSmall(f"DuckDB ran out of memory: {error}") from error


def _transform(sources: Sequence[Path], scripts: Sequence[Path], out: Path) -> dict[str, int]:
    with duckdb.connect(str(out / "work.duckdb")) as database:
        database.execute(f"SET memory_limit = '{int(memory_bytes() * _MEMORY_SHARE)}B'")
        database.execute("SET temp_directory = ?", [str(out / "spill")])
        _read(database, sources)
        for script in scripts:
            try:
                database.execute(script.read_text(encoding="utf-8"))
            except (duckdb.OutOfMemoryException, *_OURS):
                raise
            except (duckdb.Error, UnicodeDecodeError) as error:
                raise BadInput(f"{script.name}: {error}") from error
        left = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND NOT temporary ORDER BY 1"
        tables = [row[0] for row in database.execute(left).fetchall()]
        if odd := [table for table in tables if not _NAME.fullmatch(table)]:
            raise BadInput(f"table {odd[0]!r}: its name becomes a file's; use letters, digits and _")
        if not tables:
            raise BadInput(f"{', '.join(s.name for s in scripts)} made no table; write CREATE TABLE <name> AS …")
        return {table: _export(database, table, out / f"{table}.parquet") for table in tables}


def _read(database: duckdb.DuckDBPyConnection, sources: Sequence[Path]) -> None:
    try:
        files = [str(path) for path in sources]
        database.from_parquet(files, union_by_name=True).create_view("source")
        database.execute("SELECT count(*) FROM source").fetchall()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise BadInput(f"the Parquet files cannot be read together: {error}") from error


def _export(database: duckdb.DuckDBPyConnection, table: str, target: Path) -> int:
    relation = database.table(f'"{table}"')
    relation.write_parquet(str(target), compression="zstd")
    return int(relation.count("*").fetchall()[0][0])

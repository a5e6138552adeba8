"""A date's interactions: from Parquet files to one row per user and item, with how often."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recommendation.errors import BadInput

COLUMNS = ("user", "item")


def prepared(paths: Sequence[Path]) -> tuple[bytes, dict[str, int]]:
    """(an .npz file, its counts). The same interactions give the same bytes, in whatever order and files they come.

    Arrays of the file: `user`, `item` (int32, places in the lists of names) and `count` (int32), one row per pair, by
    user and item; `users`, `items`: the names in alphabetical order, JSON as uint8. Raises BadInput for a file that is
    not Parquet, lacks a column, or lacks a name (null, NaN, empty) in one; and where there is no interaction at all.
    """
    table = pa.concat_tables([_read(path) for path in paths])
    if not table.num_rows:
        raise BadInput("the files hold no interaction; deliver the date's interactions, then clear the task")
    pairs = table.group_by(list(COLUMNS), use_threads=False).aggregate([([], "count_all")])
    names = {column: _sorted(pc.unique(pairs[column])) for column in COLUMNS}
    codes = {c: pc.index_in(pairs[c], value_set=names[c]).to_numpy().astype(np.int32) for c in COLUMNS}
    order = np.lexsort((codes["item"], codes["user"]))
    arrays = {column: codes[column][order] for column in COLUMNS}
    arrays["count"] = pairs["count_all"].to_numpy().astype(np.int32)[order]
    texts = {f"{c}s": np.frombuffer(json.dumps(names[c].to_pylist()).encode(), np.uint8) for c in COLUMNS}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays, **texts)
    counts = {"interactions": table.num_rows, "pairs": len(order), **{f"{c}s": len(names[c]) for c in COLUMNS}}
    return file.getvalue(), counts


def names_of(file: bytes) -> tuple[list[str], list[str]]:
    """Names of users and items of a prepared file."""
    with np.load(io.BytesIO(file), allow_pickle=False) as arrays:
        users, items = (json.loads(arrays[name].tobytes()) for name in ("users", "items"))
    return users, items


def _sorted(names: pa.Array) -> pa.Array:
    return names.take(pc.sort_indices(names))


def _read(path: Path) -> pa.Table:
    try:
        file = pq.ParquetFile(path)
        there = file.schema_arrow.names
        if missing := [name for name in COLUMNS if name not in there]:
            raise BadInput(f"{path.name} has no column {', '.join(missing)} (it has {', '.join(there)})")
        if twice := [name for name in COLUMNS if there.count(name) > 1]:
            raise BadInput(f"{path.name} has column {', '.join(twice)} more than once")
        read = {name: file.read(columns=[name])[name] for name in COLUMNS}
        columns = {name: pc.cast(column, pa.string()) for name, column in read.items()}
    except (pa.ArrowException, OSError) as error:  # OSError: a page that cannot be decompressed
        raise BadInput(f"{path.name} is no readable Parquet file of names: {error}") from error
    for name, column in columns.items():
        # NaN is what some programs write for nothing in a column of numbers: cast, it would be one user like others.
        absent = pc.or_kleene(pc.is_null(read[name], nan_is_null=True), pc.equal(column, ""))
        if empty := pc.sum(absent).as_py():
            raise BadInput(f"{path.name}: column {name} has {empty} empty values; leave such rows out")
    return pa.table(columns)

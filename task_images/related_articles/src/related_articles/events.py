"""Who has read what: from Parquet files to one sparse matrix, readers by articles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix

from related_articles.errors import BadInput

COLUMNS = ("reader", "article")


@dataclass(frozen=True)
class Readings:
    """`matrix`: float32, readers × articles, 1 where the reader has read the article; `articles`: names by column."""

    matrix: csr_matrix
    articles: list[str]


def read_events(paths: Sequence[Path]) -> Readings:
    """Raises BadInput for a file that is not Parquet, lacks a column, or lacks a name (null, NaN, empty) in one."""
    codes = {name: _Codes() for name in COLUMNS}
    rows: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
    for path in paths:
        for batch in _batches(path):
            for name in COLUMNS:
                rows[name].append(codes[name].of(batch.column(name), f"{path.name}: column {name}"))
    if not codes["article"].size:
        raise BadInput("the event files hold no event")
    # By name: the same events give the same matrix, and with it the same sums, in whatever order they come.
    readers, articles = (codes[name].ranks()[np.concatenate(rows[name])] for name in COLUMNS)
    shape = (codes["reader"].size, codes["article"].size)
    matrix = csr_matrix((np.ones(len(readers), np.float32), (readers, articles)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0  # reading twice is reading
    return Readings(matrix, codes["article"].names())


class _Codes:
    """Names to whole numbers, in order of first appearance over all files."""

    def __init__(self) -> None:
        self._known: pa.Array = pa.array([], pa.string())

    @property
    def size(self) -> int:
        return len(self._known)

    def of(self, column: pa.Array, where: str) -> np.ndarray:
        try:
            words = pc.cast(column, pa.string())
        except pa.ArrowException as error:
            raise BadInput(f"{where} holds no names ({column.type}): {error}") from error
        # NaN is what some programs write for nothing in a column of numbers: cast, it would be one reader like others.
        absent = pc.or_kleene(pc.is_null(column, nan_is_null=True), pc.equal(words, ""))
        if empty := pc.sum(absent).as_py():
            raise BadInput(f"{where} has {empty} empty values; leave such events out")
        encoded = pc.dictionary_encode(words)
        found = pc.index_in(encoded.dictionary, value_set=self._known)
        fresh = encoded.dictionary.filter(pc.is_null(found))
        places = found.to_numpy(zero_copy_only=False)
        codes = np.empty(len(encoded.dictionary), np.int32)
        new = np.isnan(places) if places.dtype.kind == "f" else np.zeros(len(places), bool)
        codes[~new] = places[~new].astype(np.int32)
        codes[new] = np.arange(len(self._known), len(self._known) + len(fresh), dtype=np.int32)
        self._known = pa.concat_arrays([self._known, fresh])
        return codes[encoded.indices.to_numpy(zero_copy_only=False)]

    def ranks(self) -> np.ndarray:
        """The place of each number's name among all names in alphabetical order."""
        ranks = np.empty(self.size, np.int32)
        ranks[pc.sort_indices(self._known).to_numpy()] = np.arange(self.size, dtype=np.int32)
        return ranks

    def names(self) -> list[str]:
        """In alphabetical order."""
        return list(self._known.take(pc.sort_indices(self._known)).to_pylist())


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        if missing := [name for name in COLUMNS if name not in names]:
            raise BadInput(f"{path.name} has no column {', '.join(missing)} (it has {', '.join(names)})")
        if twice := [name for name in COLUMNS if names.count(name) > 1]:
            raise BadInput(f"{path.name} has column {', '.join(twice)} more than once")
        yield from file.iter_batches(batch_size=262_144, columns=list(COLUMNS))
    except (pa.ArrowException, OSError) as error:  # OSError: a page that cannot be decompressed
        raise BadInput(f"{path.name} is no readable Parquet file: {error}") from error

"""Map every sample's sequences to features: equal first, else the nearest within 3 % edits."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from microbiome.denoise import Rows
from microbiome.kernels.seeds import SEED, list_seeds, map_reads
from microbiome.parallel import over_ranges
from microbiome.progress import progress
from microbiome.results import Packed

EDITS_PERCENT = 3


@dataclass(frozen=True)
class FeatureIndex:
    """Features by sequence and by seed: the list of seed keys[i] is rows/places[starts[i]:starts[i + 1]]."""

    exact: dict[bytes, int]
    rows: Rows
    keys: np.ndarray
    starts: np.ndarray
    seed_rows: np.ndarray
    seed_places: np.ndarray

    @classmethod
    def of(cls, features: Packed) -> "FeatureIndex":
        rows = Rows.of(features)
        number = int(np.maximum(rows.lengths - SEED + 1, 0).sum())
        seeds, owners, places = np.empty(number, np.uint64), np.empty(number, np.int32), np.empty(number, np.int32)
        list_seeds(rows.words, rows.lengths, seeds, owners, places)
        order = np.argsort(seeds, kind="stable")
        keys, begins = np.unique(seeds[order], return_index=True)
        exact = {features.sequence(index): index for index in range(len(features.counts))}
        return cls(exact, rows, keys, np.append(begins, number).astype(np.int64), owners[order], places[order])


def map_samples(paths: Sequence[Path], features: Packed, threads: int | None = None) -> np.ndarray:
    """Read counts, features x samples. Sequences near no feature are counted nowhere."""
    index = FeatureIndex.of(features)
    table = np.zeros((len(index.exact), len(paths)), np.int64)
    for column, path in enumerate(progress(paths, "map", len(paths))):
        sample = Packed.read(path)
        target = _targets(sample, index, threads)
        mapped = target >= 0
        counts = np.bincount(target[mapped], sample.counts[mapped], minlength=len(index.exact))
        table[:, column] = counts.astype(np.int64)
    return table


def _targets(sample: Packed, index: FeatureIndex, threads: int | None) -> np.ndarray:
    count = len(sample.counts)
    known = np.fromiter((index.exact.get(sample.sequence(row), -1) for row in range(count)), np.int64, count)
    target = np.full(count, -1, np.int64)
    if index.exact:
        kernel = partial(
            map_reads, sample.letters, sample.offsets, known, index.rows.words, index.rows.lengths,
            index.keys, index.starts, index.seed_rows, index.seed_places, EDITS_PERCENT,
        )  # fmt: skip
        over_ranges(count, lambda first, last: kernel(first, last, target), threads)
    return target

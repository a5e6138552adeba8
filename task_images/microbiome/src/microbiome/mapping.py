"""Map every sample's sequences to features: equal first, else the nearest within 3 % edits."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from microbiome.denoise import Rows
from microbiome.kernels.seeds import SEED, Features, list_seeds, map_reads
from microbiome.parallel import over_ranges
from microbiome.progress import progress
from microbiome.results import Packed

EDITS_PERCENT = 3


def index_features(features: Packed) -> Features:
    """The features with the places of all their seeds."""
    rows = Rows.of(features)
    number = int(np.maximum(rows.lengths - SEED + 1, 0).sum())
    seeds, owners, places = np.empty(number, np.uint64), np.empty(number, np.int32), np.empty(number, np.int32)
    list_seeds(rows.words, rows.lengths, seeds, owners, places)
    order = np.argsort(seeds, kind="stable")
    keys, begins = np.unique(seeds[order], return_index=True)
    starts = np.append(begins, number).astype(np.int64)
    return Features(rows.words, rows.lengths, keys, starts, owners[order], places[order], EDITS_PERCENT)


def map_samples(paths: Sequence[Path], features: Packed, threads: int | None = None) -> np.ndarray:
    """Read counts, features x samples. Sequences near no feature are counted nowhere."""
    index = index_features(features)
    exact = {features.sequence(row): row for row in range(len(features.counts))}
    table = np.zeros((len(exact), len(paths)), np.int64)
    for column, path in enumerate(progress(paths, "map", len(paths))):
        sample = Packed.read(path)
        target = _targets(sample, index, exact, threads)
        mapped = target >= 0
        table[:, column] = np.bincount(target[mapped], sample.counts[mapped], minlength=len(exact)).astype(np.int64)
    return table


def _targets(sample: Packed, index: Features, exact: dict[bytes, int], threads: int | None) -> np.ndarray:
    count = len(sample.counts)
    known = np.fromiter((exact.get(sample.sequence(row), -1) for row in range(count)), np.int64, count)
    target = np.full(count, -1, np.int64)
    if exact:
        kernel = partial(map_reads, sample.letters, sample.offsets, known, index)
        over_ranges(count, lambda first, last: kernel(first, last, target), threads)
    return target

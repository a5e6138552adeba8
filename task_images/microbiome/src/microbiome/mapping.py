"""Map every sample's sequences to features: equal first, else the nearest within 3 % edits."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from microbiome.denoise import Rows
from microbiome.kernels.search import map_reads
from microbiome.parallel import over_ranges
from microbiome.results import Packed

IDENTITY_PERCENT = 97


def map_samples(paths: Sequence[Path], features: Packed, threads: int | None = None) -> np.ndarray:
    """Read counts, features x samples. Sequences near no feature are counted nowhere."""
    rows = Rows.of(features)
    exact = {features.sequence(index): index for index in range(len(features.counts))}
    table = np.zeros((len(exact), len(paths)), np.int64)
    for column, path in enumerate(paths):
        sample = Packed.read(path)
        target = _targets(sample, rows, exact, threads)
        mapped = target >= 0
        table[:, column] = np.bincount(target[mapped], sample.counts[mapped], minlength=len(exact)).astype(np.int64)
    return table


def _targets(sample: Packed, rows: Rows, exact: dict[bytes, int], threads: int | None) -> np.ndarray:
    count = len(sample.counts)
    known = np.fromiter((exact.get(sample.sequence(index), -1) for index in range(count)), np.int64, count)
    target = np.full(count, -1, np.int64)
    if exact:
        kernel = partial(map_reads, sample.letters, sample.offsets, known, rows.words, rows.lengths, IDENTITY_PERCENT)
        over_ranges(count, lambda first, last: kernel(first, last, target), threads)
    return target

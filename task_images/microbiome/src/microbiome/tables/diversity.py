"""Diversity within and between samples, without random numbers: rarefaction is computed as an expectation."""

from dataclasses import dataclass

import numpy as np

RAREFACTION_STEPS = 20
# Beyond it the matrix of all pairs of samples (8 bytes each) and its eigenvalues outgrow a gather container.
MOST_SAMPLES_FOR_PAIRS = 4000


@dataclass(frozen=True)
class Alpha:
    """Of one sample: mapped reads, observed features, Shannon entropy in bits, Pielou's evenness."""

    reads: int
    observed: int
    shannon: float
    pielou: float


def alpha(column: np.ndarray) -> Alpha:
    """Evenness is 0.0 for a sample with fewer than two features (scikit-bio says NaN there)."""
    present = np.sort(column[column > 0])
    if not len(present):
        return Alpha(0, 0, 0.0, 0.0)
    shares = present / present.sum()
    shannon = max(0.0, float(-(shares * np.log2(shares)).sum()))
    pielou = shannon / float(np.log2(len(present))) if len(present) > 1 else 0.0
    return Alpha(int(present.sum()), len(present), shannon, pielou)


def rarefaction(column: np.ndarray, steps: int = RAREFACTION_STEPS) -> list[tuple[int, float]]:
    """(depth, expected number of features) for depths up to all reads (Hurlbert 1971).

    Depths lie closer together where the curve is steep.
    """
    present = np.sort(column[column > 0])
    total = int(present.sum())
    depths = sorted({max(1, total * step * step // (steps * steps)) for step in range(1, steps + 1)}) if total else []
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])
    return [(depth, float((1.0 - _absent(total, present, depth, factorials)).sum())) for depth in depths]


def _absent(total: int, counts: np.ndarray, depth: int, factorials: np.ndarray) -> np.ndarray:
    """Probability for each feature that `depth` reads out of `total`, drawn without return, miss all its reads.

    `factorials[n]` is log(n!).
    """
    rest = np.maximum(total - counts - depth, 0)
    logarithm = factorials[total - counts] - factorials[rest] - factorials[total] + factorials[total - depth]
    return np.where(total - counts < depth, 0.0, np.minimum(1.0, np.exp(logarithm)))


def bray_curtis(shares: np.ndarray) -> np.ndarray:
    """Distances between all samples (columns of shares): half the sum of absolute differences."""
    count = shares.shape[1]
    distances = np.zeros((count, count))
    columns = np.ascontiguousarray(shares.T)
    for i in range(count - 1):
        distances[i, i + 1 :] = np.abs(columns[i + 1 :] - columns[i]).sum(axis=1) / 2
    return distances + distances.T


@dataclass(frozen=True)
class Ordination:
    """Principal coordinates: samples x axes, and each axis's eigenvalue and share of the variance."""

    coordinates: np.ndarray
    eigenvalues: np.ndarray
    explained: np.ndarray


def principal_coordinates(distances: np.ndarray, axes: int = 3) -> Ordination:
    """Classical scaling (Gower 1966). Each axis points so that its largest coordinate is positive."""
    count = len(distances)
    squared = distances**2
    if not count:
        return Ordination(np.empty((0, 0)), np.empty(0), np.empty(0))
    centred = -0.5 * (squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean())
    values, vectors = np.linalg.eigh(centred)
    order = np.argsort(-values, kind="stable")[: min(axes, max(count - 1, 0))]
    # Axes of rounding noise differ from processor to processor: they are no axes.
    kept = order[values[order] > 1e-9]
    coordinates = vectors[:, kept] * np.sqrt(values[kept])
    if kept.size:
        largest = np.abs(coordinates.round(9)).argmax(axis=0)
        coordinates *= np.sign(coordinates[largest, range(kept.size)])
    positive = values[values > 1e-9].sum()
    return Ordination(coordinates, values[kept], values[kept] / positive if positive else values[kept])

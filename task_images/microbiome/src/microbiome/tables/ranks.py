"""Counts added up by taxon at a rank."""

import numpy as np

from microbiome.analysis import Analysis
from microbiome.classifier.lineage import LETTERS

LEVELS = range(2, 7)  # phylum to genus, numbered as QIIME 2's --p-level


def taxon_at(names: tuple[str, ...], level: int) -> str:
    """`d__Bacteria;p__Firmicutes;c__`: unnamed ranks stay empty, as in QIIME 2's collapsed tables."""
    if not names:
        return ";".join(["Unassigned", *["__"] * (level - 1)])
    padded = names[:level] + ("",) * (level - len(names))
    return ";".join(f"{letter}__{name}" for letter, name in zip(LETTERS, padded, strict=False))


def collapse(analysis: Analysis, level: int) -> tuple[list[str], np.ndarray]:
    """Taxa in alphabetical order, and their counts, taxa x samples."""
    labels = [taxon_at(feature.assignment.names, level) for feature in analysis.features]
    taxa = sorted(set(labels))
    number = {taxon: index for index, taxon in enumerate(taxa)}
    table = np.zeros((len(taxa), analysis.counts.shape[1]), np.int64)
    for row, label in enumerate(labels):
        table[number[label]] += analysis.counts[row]
    return taxa, table

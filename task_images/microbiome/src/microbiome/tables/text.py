"""The text tables. Numbers are written so that a table is the same on every machine."""

from collections.abc import Iterable, Sequence

import numpy as np

from microbiome.analysis import Analysis
from microbiome.classifier.lineage import write_taxon
from microbiome.kernels.fates import FATES
from microbiome.names import shown
from microbiome.tables import diversity, ranks


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Tab-separated text; a shorter number than six decimals would hide differences, a longer one shows noise."""
    lines = ["\t".join(header)]
    lines += ["\t".join(f"{cell:.6f}" if isinstance(cell, float) else str(cell) for cell in row) for row in rows]
    return "\n".join(lines) + "\n"


def overall_summary(analysis: Analysis) -> str:
    """Reads per step and sample. input = no_primer + ... + low_quality + kept; kept = mapped + unmapped."""
    lost = [fate for fate in FATES if fate != "kept"]
    header = ["sample", "status", "input", *lost, "kept", "unique", "mapped", "unmapped", "features"]
    column = {name: index for index, name in enumerate(analysis.names)}
    rows: list[list[object]] = []
    for result in analysis.results:
        if result.key not in column:
            rows.append([result.key, result.status, *[""] * (len(header) - 2)])
            continue
        counts = analysis.counts[:, column[result.key]]
        reads, mapped = result.reads, int(counts.sum())
        kept = reads["kept"]
        before = [result.key, result.status, reads["input"], *(reads[fate] for fate in lost), kept, result.unique]
        rows.append([*before, mapped, kept - mapped, int(np.count_nonzero(counts))])
    return table(header, rows)


def quarantine(analysis: Analysis) -> str:
    # File names and what is cited from a file may hold anything.
    rows = [
        [item.key, item.file and shown(item.file), item.record or "", item.reason and shown(item.reason)]
        for item in analysis.quarantined
    ]
    return table(["sample", "file", "record", "reason"], rows)


def sequences(analysis: Analysis) -> str:
    return "".join(f">{feature.id}\n{feature.sequence.decode()}\n" for feature in analysis.features)


def taxonomy(analysis: Analysis) -> str:
    rows = [
        [feature.id, write_taxon(feature.assignment.names), feature.assignment.confidence]
        for feature in analysis.features
    ]
    return table(["Feature ID", "Taxon", "Confidence"], rows)


def feature_table(analysis: Analysis) -> str:
    """As `biom convert --to-tsv` writes it, which QIIME 2's documentation reads back."""
    rows = [[feature.id, *counts.tolist()] for feature, counts in zip(analysis.features, analysis.counts, strict=True)]
    return "# Constructed from biom file\n" + table(["#OTU ID", *analysis.names], rows)


def relative_features(analysis: Analysis) -> str:
    rows = [[feature.id, *row.tolist()] for feature, row in zip(analysis.features, analysis.shares(), strict=True)]
    return table(["#OTU ID", *analysis.names], rows)


def rank_tables(analysis: Analysis, level: int) -> tuple[str, str]:
    """Absolute and relative counts at one rank."""
    taxa, counts = ranks.collapse(analysis, level)
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    header = ["#OTU ID", *analysis.names]
    absolute = table(header, ([taxon, *row.tolist()] for taxon, row in zip(taxa, counts, strict=True)))
    return absolute, table(header, ([taxon, *row.tolist()] for taxon, row in zip(taxa, shares, strict=True)))


def alpha_table(analysis: Analysis) -> str:
    rows = []
    for name, column in zip(analysis.names, analysis.counts.T, strict=True):
        found = diversity.alpha(column)
        rows.append([name, found.reads, found.observed, found.shannon, found.pielou])
    return table(["sample-id", "reads", "observed_features", "shannon_entropy", "pielou_evenness"], rows)


def rarefaction_table(analysis: Analysis) -> str:
    rows = [
        [name, depth, expected]
        for name, column in zip(analysis.names, analysis.counts.T, strict=True)
        for depth, expected in diversity.rarefaction(column)
    ]
    return table(["sample-id", "depth", "expected_features"], rows)


def distance_table(names: list[str], distances: np.ndarray) -> str:
    """QIIME 2's distance-matrix.tsv (scikit-bio's LSMat)."""
    return table(["", *names], ([name, *row.tolist()] for name, row in zip(names, distances, strict=True)))


def ordination(names: list[str], found: diversity.Ordination) -> str:
    """scikit-bio's ordination format, which QIIME 2 imports as PCoAResults."""
    axes = len(found.eigenvalues)

    def numbers(values: np.ndarray) -> str:
        # "-0.000000" and "0.000000" are the same number: write one of them.
        return "\t".join(f"{value:.6f}" for value in np.round(values, 6) + 0.0)

    sites = "".join(f"{name}\t{numbers(row)}\n" for name, row in zip(names, found.coordinates, strict=True))
    return (
        f"Eigvals\t{axes}\n{numbers(found.eigenvalues)}\n\nProportion explained\t{axes}\n{numbers(found.explained)}\n\n"
        f"Species\t0\t0\n\nSite\t{len(names)}\t{axes}\n{sites}\nBiplot\t0\t0\n\nSite constraints\t0\t0\n"
    )

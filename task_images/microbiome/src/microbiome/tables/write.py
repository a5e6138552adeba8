"""All tables by file name."""

from collections.abc import Iterator

import numpy as np

from microbiome.analysis import Analysis
from microbiome.tables import diversity, ranks, text
from microbiome.tables.biom import biom_bytes


def all_tables(
    analysis: Analysis, distances: np.ndarray | None, found: diversity.Ordination | None
) -> Iterator[tuple[str, bytes]]:
    """(file name, content). Distances and ordination are missing when there are too many samples for all pairs."""
    yield "overall_summary.tsv", text.overall_summary(analysis).encode()
    yield "quarantine.tsv", text.quarantine(analysis).encode()
    yield "asv_seqs.fasta", text.sequences(analysis).encode()
    yield "taxonomy.tsv", text.taxonomy(analysis).encode()
    yield "feature-table.tsv", text.feature_table(analysis).encode()
    yield "feature-table.biom", biom_bytes(analysis)
    yield "rel-table-ASV.tsv", text.relative_features(analysis).encode()
    for level in ranks.LEVELS:
        absolute, relative = text.rank_tables(analysis, level)
        yield f"abs-abund-table-{level}.tsv", absolute.encode()
        yield f"rel-table-{level}.tsv", relative.encode()
    yield "alpha-diversity.tsv", text.alpha_table(analysis).encode()
    yield "rarefaction.tsv", text.rarefaction_table(analysis).encode()
    if distances is not None and found is not None:
        yield "bray-curtis.tsv", text.distance_table(analysis.names, distances).encode()
        yield "pcoa.txt", text.ordination(analysis.names, found).encode()

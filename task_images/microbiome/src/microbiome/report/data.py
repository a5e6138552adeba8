"""The numbers of the report's charts, cut down to what a screen can show."""

from typing import Any

import numpy as np

from microbiome.analysis import Analysis
from microbiome.classifier.lineage import RANKS
from microbiome.kernels.fates import FATES
from microbiome.tables import diversity, ranks

SHOWN_TAXA = 15


def overview(analysis: Analysis, batches: int, seconds: dict[str, float]) -> list[list[Any]]:
    """(label, value) pairs for the head of the page."""
    reads_in = sum(sample.reads["input"] for sample in analysis.samples)
    kept = int(analysis.counts.sum())
    backwards = len(analysis.backward_samples())
    return [
        ["Samples", len(analysis.results)],
        ["Quarantined", len(analysis.quarantined)],
        *([["Samples with reads in the wrong direction", backwards]] if backwards else []),
        ["ASVs", len(analysis.features)],
        ["Chimeras removed", analysis.chimeras],
        ["Reads in", reads_in],
        ["Reads in the table", kept],
        ["Share kept", f"{100 * kept / reads_in:.1f} %" if reads_in else "-"],
        ["Batches", batches],
        ["Gather seconds", round(sum(seconds.values()), 1)],
    ]


def read_steps(analysis: Analysis) -> dict[str, Any]:
    """Where each sample's reads went: mapped, unmapped, then one column for each reason of loss that occurs."""
    mapped = analysis.counts.sum(axis=0)
    columns: dict[str, list[int]] = {
        "in the table": [int(count) for count in mapped],
        "kept, near no ASV": [
            sample.reads["kept"] - int(count) for sample, count in zip(analysis.samples, mapped, strict=True)
        ],
    }
    for fate in FATES[1:]:
        counts = [sample.reads[fate] for sample in analysis.samples]
        if any(counts):
            columns[fate.replace("_", " ")] = counts
    return {"labels": list(columns), "rows": list(columns.values())}


def compositions(analysis: Analysis) -> dict[str, Any]:
    """For each rank the most abundant taxa and 'Other', as shares per sample."""
    found = {}
    for level in ranks.LEVELS:
        taxa, counts = ranks.collapse(analysis, level)
        shares = counts / np.maximum(counts.sum(axis=0), 1)
        order = np.argsort(-shares.mean(axis=1), kind="stable") if len(taxa) else np.empty(0, int)
        shown, rest = order[:SHOWN_TAXA], order[SHOWN_TAXA:]
        labels = [short_name(taxa[index]) for index in shown]
        rows = [[round(float(share), 5) for share in shares[index]] for index in shown]
        if len(rest):
            labels.append(f"Other ({len(rest)})")
            rows.append([round(float(share), 5) for share in shares[rest].sum(axis=0)])
        full = [taxa[index] for index in shown] + ["all other taxa"] * bool(len(rest))
        found[str(level)] = {"rank": RANKS[level - 1], "taxa": labels, "full": full, "shares": rows}
    return found


def short_name(taxon: str) -> str:
    """The deepest name of a lineage; unnamed ranks below it are marked."""
    parts = [part.partition("__")[2] for part in taxon.split(";")]
    if taxon.startswith("Unassigned"):
        return "Unassigned"
    depth = max((index for index, part in enumerate(parts) if part), default=0)
    return parts[depth] if depth == len(parts) - 1 else f"unnamed {parts[depth]}"


def alpha_rows(analysis: Analysis) -> dict[str, list[float]]:
    rows = [diversity.alpha(column) for column in analysis.counts.T]
    return {
        "observed ASVs": [row.observed for row in rows],
        "Shannon entropy (bits)": [round(row.shannon, 4) for row in rows],
        "Pielou evenness": [round(row.pielou, 4) for row in rows],
        "reads": [row.reads for row in rows],
    }


def rarefaction_curves(analysis: Analysis) -> list[list[list[float]]]:
    return [
        [[depth, round(found, 2)] for depth, found in diversity.rarefaction(column)] for column in analysis.counts.T
    ]


def points(found: diversity.Ordination | None) -> dict[str, Any] | None:
    """Coordinates on the first axes; None without distances or with fewer than two axes."""
    if found is None or len(found.eigenvalues) < 2:
        return None
    return {"explained": found.explained.round(4).tolist(), "points": found.coordinates.round(5).tolist()}

"""A fan-out manifest over a folder of reads, and the pipeline's commands run on it."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from microbiome.names import FoundSample, find_samples

Command = Callable[..., tuple[int, str]]
# Everything that gather writes, except what tells how long it took.
TABLES = {
    "overall_summary.tsv", "quarantine.tsv", "asv_seqs.fasta", "taxonomy.tsv", "feature-table.tsv",
    "feature-table.biom", "rel-table-ASV.tsv", "alpha-diversity.tsv", "rarefaction.tsv", "bray-curtis.tsv", "pcoa.txt",
    *(f"{kind}-{level}.tsv" for kind in ("abs-abund-table", "rel-table") for level in range(2, 7)),
}  # fmt: skip


def parameters(study: Path) -> dict[str, str]:
    """Of the generated study of conftest.py."""
    return {"reference": str(study / "reference.fasta.gz"), "metadata": str(study / "metadata.tsv")}


def write_manifest(
    path: Path, samples: Iterable[FoundSample], batches: int, parameters: dict[str, Any], results: str
) -> Path:
    """Samples are dealt out to the batches in turn."""
    items = [
        {
            "key": sample.name, "bytes": 1, "batch": number % batches, "files": [str(file) for file in sample.files],
            "result": f"{results}/{hashlib.sha256(sample.name.encode()).hexdigest()}", "problem": sample.problem,
            "layout": sample.layout,
        }
        for number, sample in enumerate(samples)
    ]  # fmt: skip
    document = {
        "schema_version": 1,
        "dag_id": "test",
        "parameters": {"samples_uri": results, **parameters},
        "items": items,
    }
    path.write_text(json.dumps(document))
    return path


def run_pipeline(
    command: Command, folder: Path, reads: Path, parameters: dict[str, Any], batches: int = 1, backwards: bool = False
) -> Path:
    """All batches, then gather; returns the folder of the tables."""
    folder.mkdir()
    samples = find_samples(reads)
    manifest = write_manifest(
        folder / "manifest.json", samples[::-1] if backwards else samples, batches, parameters, str(folder / "samples")
    )
    for batch in range(batches):
        code, output = command("analyze-batch", "--manifest", manifest, "--batch", batch)
        assert code in (0, 2), output
    code, output = command("gather", "--manifest", manifest, "--output", folder / "out")
    assert code == 0, output
    return folder / "out"


def tables_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name in TABLES}


def summary_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found

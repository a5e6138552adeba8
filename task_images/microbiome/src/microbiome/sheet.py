"""Samples from a sheet: QIIME 2's manifests and nf-core/ampliseq's sample sheets, tab- or comma-separated."""

import csv
from collections import Counter
from pathlib import Path

from microbiome.errors import BadInput
from microbiome.names import FoundSample

SAMPLE = ("sample-id", "sample_id", "sampleid", "sample")
FORWARD = ("forward-absolute-filepath", "absolute-filepath", "forwardreads", "forward", "r1", "fastq_1")
REVERSE = ("reverse-absolute-filepath", "reversereads", "reverse", "r2", "fastq_2")


def read_sheet(path: Path) -> list[FoundSample]:
    """Samples sorted by name. Relative paths are relative to the sheet; a name that occurs twice is a problem."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--sample-sheet {path}: cannot be read: {error}") from None
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    rows = list(csv.reader(lines, delimiter="\t" if lines and "\t" in lines[0] else ","))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    sample, forward, reverse = (_column(header, names) for names in (SAMPLE, FORWARD, REVERSE))
    if sample is None or forward is None:
        raise BadInput(
            f"--sample-sheet {path}: its columns are {', '.join(header) or 'none'}; needed are a sample column"
            f" ({', '.join(SAMPLE)}) and a column of forward reads ({', '.join(FORWARD)})"
        )
    found = [_sample(path.parent, row, sample, forward, reverse) for row in rows[1:]]
    counts = Counter(entry.name for entry in found)
    unique = {entry.name: entry for entry in found}
    for name, count in counts.items():
        if count > 1:
            unique[name] = FoundSample(name, unique[name].files, f"duplicate sample name: {count} lines of the sheet")
    return [unique[name] for name in sorted(unique)]


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _sample(folder: Path, row: list[str], sample: int, forward: int, reverse: int | None) -> FoundSample:
    def cell(column: int | None) -> str:
        return row[column].strip() if column is not None and column < len(row) else ""

    files = tuple(folder / cell(column) for column in (forward, reverse) if cell(column))
    if not cell(forward):
        return FoundSample(cell(sample), files, "no forward reads in the sample sheet")
    return FoundSample(cell(sample), files)

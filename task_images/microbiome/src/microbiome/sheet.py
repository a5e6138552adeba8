"""Samples from a sheet: QIIME 2's manifests and nf-core/ampliseq's sample sheets, tab- or comma-separated."""

import csv
from collections import defaultdict
from pathlib import Path

from microbiome.errors import BadInput
from microbiome.names import (
    PAIRED,
    SINGLE,
    FileName,
    FoundSample,
    is_index,
    name_problem,
    parse_name,
    problem_of,
    shown,
)

SAMPLE = ("sample-id", "sample_id", "sampleid", "sample")
FORWARD = ("forward-absolute-filepath", "absolute-filepath", "forwardreads", "forward", "r1", "fastq_1")
REVERSE = ("reverse-absolute-filepath", "reversereads", "reverse", "r2", "fastq_2")


def read_sheet(path: Path) -> list[FoundSample]:
    """Samples sorted by name. Paths are relative to the sheet; lines of one name are its lanes, or a problem."""
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
    lines_of: dict[str, list[FoundSample]] = defaultdict(list)
    for row in rows[1:]:
        entry = _sample(path.parent, row, sample, forward, reverse)
        lines_of[entry.name].append(entry)
    return [_joined(name, entries) for name, entries in sorted(lines_of.items())]


def _joined(name: str, entries: list[FoundSample]) -> FoundSample:
    """The lines of one sample: one, or one per lane of the same library; else nobody can say which reads are meant."""
    problem = name_problem(name) or next((entry.problem for entry in entries if entry.problem), "")
    files = [path for entry in entries for path in entry.files]
    index = next((path for path in files if is_index(path.name)), None)
    if not problem and index:
        problem = f"{index.name} holds index reads, no sample's"
    if problem or len(entries) == 1:
        return FoundSample(shown(name), tuple(files), problem)
    named = [(_lane_of(path, read), path) for entry in entries for read, path in enumerate(entry.files, start=1)]
    if any(not lane.lane for lane, _ in named) or problem_of([lane for lane, _ in named], others_paired=False):
        return FoundSample(
            name,
            tuple(files),
            f"duplicate sample name: {len(entries)} lines of the sheet, whose files are not lanes of one library"
            " (the same sample number, L001, L002, ... once each)",
        )
    ordered = tuple(path for _, path in sorted(named, key=lambda one: (one[0].lane, one[0].read)))
    return FoundSample(name, ordered, layout=PAIRED if len(entries[0].files) == 2 else SINGLE)


def _lane_of(path: Path, read: int) -> FileName:
    """Lane and number of a file by its name; which read it holds says the sheet's column."""
    parsed = parse_name(path.name)
    return parsed._replace(read=read) if parsed else FileName(path.name, read)


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _sample(folder: Path, row: list[str], sample: int, forward: int, reverse: int | None) -> FoundSample:
    def cell(column: int | None) -> str:
        return row[column].strip() if column is not None and column < len(row) else ""

    files = tuple(folder / cell(column) for column in (forward, reverse) if cell(column))
    if not cell(forward):
        return FoundSample(cell(sample), files, "no forward reads in the sample sheet")
    return FoundSample(cell(sample), files)

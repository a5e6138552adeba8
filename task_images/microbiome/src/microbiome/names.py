"""Find samples in a folder by Illumina's file names. The rules are in the README ("File names")."""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ENDING = re.compile(r"\.(fastq|fq)(\.gz)?$", re.IGNORECASE)
# <sample>_S280_L001_R1_001, <sample>_10_L001_R1_001 (R1 and R2 may carry different numbers), <sample>_L001_R1_001
ILLUMINA = re.compile(r"^(?P<sample>.+?)(?:_S?\d+)?_L(?P<lane>\d{3})_R(?P<read>[12])_001$")
SHORT = re.compile(r"^(?P<sample>.+?)(?:_S\d+)?[_.]R?(?P<read>[12])(?:_001)?$")


@dataclass(frozen=True)
class FoundSample:
    """A sample's files, R1 first. `problem` says why it cannot be analysed; empty if it can."""

    name: str
    files: tuple[Path, ...]
    problem: str = ""


def sample_and_read(file_name: str) -> tuple[str, int] | None:
    """('Mock', 1) for Mock_S280_L001_R1_001.fastq.gz; None if the name is not that of a FASTQ file."""
    if not ENDING.search(file_name) or file_name.startswith("."):
        return None
    stem = ENDING.sub("", file_name)
    match = ILLUMINA.match(stem) or SHORT.match(stem)
    return (match["sample"], int(match["read"])) if match else (stem, 1)


def find_samples(folder: Path) -> list[FoundSample]:
    """All samples below `folder`, sorted by name; two files for one read of a sample make it a duplicate."""
    files: dict[str, dict[int, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.rglob("*")):
        found = sample_and_read(path.name) if path.is_file() else None
        if found:
            files[found[0]][found[1]].append(path)
    return [_sample(name, reads) for name, reads in sorted(files.items())]


def _sample(name: str, reads: dict[int, list[Path]]) -> FoundSample:
    paths = tuple(path for read in (1, 2) for path in reads.get(read, []))
    doubled = next((paths_of_read for paths_of_read in reads.values() if len(paths_of_read) > 1), None)
    if doubled:
        listed = ", ".join(str(path) for path in doubled)
        return FoundSample(name, paths, f"duplicate sample name: {len(doubled)} files for the same read ({listed})")
    if 1 not in reads:
        return FoundSample(name, paths, "R2 without R1")
    return FoundSample(name, paths)

"""Find samples in a folder by Illumina's file names. The rules are in the README ("File names")."""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ENDING = re.compile(r"\.(fastq|fq)(\.gz)?\Z", re.IGNORECASE)
# <sample>_S280_L001_R1_001, <sample>_10_L001_R1_001 (R1 and R2 may carry different numbers), <sample>_L001_R1_001
ILLUMINA = re.compile(r"(?P<sample>.+?)(?:_(?P<number>S?\d+))?_L(?P<lane>\d{3})_R(?P<read>[12])_001", re.DOTALL)
SHORT = re.compile(r"(?P<sample>.+?)(?:_(?P<number>S\d+))?[_.]R?(?P<read>[12])(?:_001)?", re.DOTALL)
INDEX = re.compile(r".+_I[12]_001", re.DOTALL)  # the barcodes that the samples were told apart by
# Control characters, separators of lines and paragraphs, halves of surrogates: no table can hold them.
UNSHOWN = frozenset({"Cc", "Zl", "Zp", "Cs"})
PAIRED, SINGLE = "paired", "single"


class FileName(NamedTuple):
    """What the name of a FASTQ file tells; `lane` (002) and `number` (S280, 10) are empty where it does not."""

    sample: str
    read: int
    lane: str = ""
    number: str = ""


@dataclass(frozen=True)
class FoundSample:
    """A sample's files: R1 and R2 of the first lane, then of the next. `problem` says why it cannot be analysed.

    `layout` is PAIRED or SINGLE; empty: two files are R1 and R2, one file holds single reads.
    """

    name: str
    files: tuple[Path, ...]
    problem: str = ""
    layout: str = ""


def parse_name(file_name: str) -> FileName | None:
    """('Mock', 1, '001', 'S280') for Mock_S280_L001_R1_001.fastq.gz; None if it is no file of reads."""
    if not ENDING.search(file_name) or file_name.startswith(".") or is_index(file_name):
        return None
    stem = ENDING.sub("", file_name)
    match = ILLUMINA.fullmatch(stem) or SHORT.fullmatch(stem)
    if not match:
        return FileName(stem, 1)
    found = match.groupdict()
    return FileName(found["sample"], int(found["read"]), found.get("lane") or "", found["number"] or "")


def is_index(file_name: str) -> bool:
    """Whether the file holds index reads (<sample>_S1_L001_I1_001.fastq.gz), which belong to no sample's reads."""
    return INDEX.fullmatch(ENDING.sub("", file_name)) is not None


def find_samples(folder: Path) -> list[FoundSample]:
    """All samples below `folder`, sorted by name. Where others are paired, a sample with R1 alone has lost its R2."""
    groups: dict[str, list[tuple[FileName, Path]]] = defaultdict(list)
    for path in folder.rglob("*"):
        name = parse_name(path.name) if path.is_file() else None
        if name:
            groups[name.sample].append((name, path))
    others_paired = any({name.read for name, _ in files} == {1, 2} for files in groups.values())
    return [_sample(sample, files, others_paired) for sample, files in sorted(groups.items())]


def _sample(sample: str, files: list[tuple[FileName, Path]], others_paired: bool) -> FoundSample:
    ordered = sorted(files, key=lambda file: (file[0].lane, file[0].read, str(file[1])))
    paths = tuple(path for _, path in ordered)
    names = [name for name, _ in ordered]
    problem = name_problem(sample) or problem_of(names, others_paired)
    if problem:
        return FoundSample(shown(sample), paths, f"{problem} ({shown(', '.join(map(str, paths)))})")
    return FoundSample(sample, paths, layout=PAIRED if names[-1].read == 2 else SINGLE)


def shown(text: str) -> str:
    """`text` on one line: control characters as escapes (a\\nb); a blank name in quotation marks."""
    if not text.strip():
        return repr(text)
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in UNSHOWN else c for c in text)


def name_problem(name: str) -> str:
    """Why no table can hold a sample of this name; empty if it can."""
    return "" if shown(name) == name else "sample name is blank or has control characters; rename its files"


def problem_of(names: list[FileName], others_paired: bool) -> str:
    """Why these files are not one sample's; empty if they are: its lanes, each once, all with R2 or all without."""
    lanes = {read: [name.lane for name in names if name.read == read] for read in (1, 2)}
    numbers = {read: {name.number for name in names if name.read == read} for read in (1, 2)}
    if any(len(set(found)) < len(found) or ("" in found and len(found) > 1) for found in lanes.values()):
        return "duplicate sample name: more than one file for the same read and lane"
    of_sheet = {number for number in numbers[1] | numbers[2] if number.startswith("S")}
    if len(of_sheet) > 1 or any(len(found) > 1 for found in numbers.values()):
        return "duplicate sample name: its files carry different sample numbers"
    if not lanes[1]:
        return "R2 without R1"
    if not lanes[2]:
        return "R1 without R2, while other samples are paired" if others_paired else ""
    return "" if set(lanes[1]) == set(lanes[2]) else "R1 and R2 are not of the same lanes"

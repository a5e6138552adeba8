"""Which FASTQ files belong to which sample, by Illumina's naming rules. Pure: object names in, samples out."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

# The same rules as the image's own (task_images/microbiome/README.md, "File names"); a test holds them together.
# bcl2fastq: <sample>_S<n>_L<lane>_R<read>_001; some exports leave out the S or the lane, or write _1/_2 for the read.
_ILLUMINA = re.compile(r"(?P<sample>.+?)(?:_(?P<number>S?\d+))?_L(?P<lane>\d{3})_R(?P<read>[12])_001", re.DOTALL)
_SHORT = re.compile(r"(?P<sample>.+?)(?:_(?P<number>S\d+))?[_.]R?(?P<read>[12])(?:_001)?", re.DOTALL)
_INDEX = re.compile(r".+_I[12]_001", re.DOTALL)  # the barcodes that the samples were told apart by
_FASTQ = re.compile(r"\.(fastq|fq)(\.gz)?\Z", re.IGNORECASE)
# Control characters, separators of lines and paragraphs, halves of surrogates: no table can hold them.
_UNSHOWN = frozenset({"Cc", "Zl", "Zp", "Cs"})


@dataclass(frozen=True)
class StoredObject:
    """One object of the bucket: key, size in bytes, and the ETag, which changes with the content."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class Sample:
    """The objects of one sample: R1 and R2 of the first lane, then of the next.

    `layout` is "paired" or "single"; `problem` says why the sample cannot be analysed, empty if it can.
    """

    name: str
    objects: tuple[StoredObject, ...]
    problem: str = ""
    layout: str = ""

    @property
    def bytes(self) -> int:
        return sum(o.size for o in self.objects)


class _File(NamedTuple):
    """What a file's name tells; `lane` (002) and `number` (S280, 10) are empty where it does not."""

    sample: str
    read: str
    lane: str
    number: str
    stored: StoredObject


def find_samples(objects: Iterable[StoredObject]) -> list[Sample]:
    """Group FASTQ objects into samples, sorted by name; other objects are left out.

    A FASTQ that follows no rule is a single-end sample of its own. Where other samples are paired, a sample with one
    file has lost the other. Problems stay with their sample: the lane quarantines it by name, the others go on.
    """
    groups: dict[str, list[_File]] = defaultdict(list)
    for stored in objects:
        file = _parse(stored)
        if file:
            groups[file.sample].append(file)
    others_paired = any({file.read for file in files} == {"1", "2"} for files in groups.values())
    return [_sample(name, files, others_paired) for name, files in sorted(groups.items())]


def _parse(stored: StoredObject) -> _File | None:
    name = stored.key.rsplit("/", 1)[-1]
    stem, ending = _FASTQ.subn("", name)
    if not ending or name.startswith("."):
        return None
    if _INDEX.fullmatch(stem):
        return None
    match = _ILLUMINA.fullmatch(stem) or _SHORT.fullmatch(stem)
    if not match:
        return _File(stem, "1", "", "", stored)
    found = match.groupdict()
    return _File(found["sample"], found["read"], found.get("lane") or "", found["number"] or "", stored)


def _sample(name: str, files: list[_File], others_paired: bool) -> Sample:
    ordered = sorted(files, key=lambda file: (file.lane, file.read, file.stored.key))
    objects = tuple(file.stored for file in ordered)
    problem = name_problem(name) or _problem(ordered, others_paired)
    if problem:
        files = shown(", ".join(stored.key for stored in objects))
        return Sample(shown(name), objects, f"{problem} ({files})")
    return Sample(name, objects, layout="paired" if ordered[-1].read == "2" else "single")


def shown(text: str) -> str:
    """`text` on one line: control characters as escapes (a\\nb); a blank name in quotation marks."""
    if not text.strip():
        return repr(text)
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in _UNSHOWN else c for c in text)


def name_problem(name: str) -> str:
    """Why no table can hold a sample of this name; empty if it can."""
    return "" if shown(name) == name else "sample name is blank or has control characters; rename its files"


def _problem(files: list[_File], others_paired: bool) -> str:
    """Why these are not one sample's files; empty if they are: its lanes, each once, all with R2 or all without."""
    lanes = {read: [file.lane for file in files if file.read == read] for read in "12"}
    numbers = {read: {file.number for file in files if file.read == read} for read in "12"}
    if any(len(set(found)) < len(found) or ("" in found and len(found) > 1) for found in lanes.values()):
        return "duplicate sample name: more than one file for the same read and lane"
    of_sheet = {number for number in numbers["1"] | numbers["2"] if number.startswith("S")}
    if len(of_sheet) > 1 or any(len(found) > 1 for found in numbers.values()):
        return "duplicate sample name: its files carry different sample numbers"
    if not lanes["1"]:
        return "R2 without R1"
    if not lanes["2"]:
        return "R1 without R2, while other samples are paired" if others_paired else ""
    return "" if set(lanes["1"]) == set(lanes["2"]) else "R1 and R2 are not of the same lanes"

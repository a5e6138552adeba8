"""Which FASTQ files belong to which sample, by Illumina's naming rules. Pure: object names in, samples out."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

# The same rules as the image's own (task_images/microbiome/README.md, "File names"); a test holds them together.
# bcl2fastq: <sample>_S<n>_L<lane>_R<read>_001; some exports leave out the S or the lane, or write _1/_2 for the read.
_ILLUMINA = re.compile(r"^(?P<sample>.+?)(?:_S?\d+)?_L\d{3}_R(?P<read>[12])_001$")
_SHORT = re.compile(r"^(?P<sample>.+?)(?:_S\d+)?[_.]R?(?P<read>[12])(?:_001)?$")
_FASTQ = re.compile(r"\.(fastq|fq)(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True)
class StoredObject:
    """One object of the bucket: key, size in bytes, and the ETag, which changes with the content."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class Sample:
    """The objects of one sample, forward reads first; `problem` says why it cannot be analysed, empty if it can."""

    name: str
    objects: tuple[StoredObject, ...]
    problem: str = ""

    @property
    def bytes(self) -> int:
        return sum(o.size for o in self.objects)


def find_samples(objects: Iterable[StoredObject]) -> list[Sample]:
    """Group FASTQ objects into samples, sorted by name; other objects are left out.

    A FASTQ that follows no rule is a single-end sample of its own. Where other samples are paired, a sample with one
    file has lost the other. Problems stay with their sample: the lane quarantines it by name, the others go on.
    """
    groups: dict[str, dict[str, list[StoredObject]]] = defaultdict(lambda: defaultdict(list))
    for stored in objects:
        stem, found = _FASTQ.subn("", stored.key.rsplit("/", 1)[-1])
        if not found:
            continue
        match = _ILLUMINA.match(stem) or _SHORT.match(stem)
        name, read = (match["sample"], match["read"]) if match else (stem, "1")
        groups[name][read].append(stored)
    paired = any(len(reads) == 2 for reads in groups.values())
    return [_sample(name, reads, paired=paired) for name, reads in sorted(groups.items())]


def _sample(name: str, reads: dict[str, list[StoredObject]], *, paired: bool) -> Sample:
    ordered = tuple(stored for read in sorted(reads) for stored in sorted(reads[read], key=lambda o: o.key))
    listed = ", ".join(stored.key for stored in ordered)
    if any(len(same) > 1 for same in reads.values()):
        return Sample(name, ordered, f"duplicate sample name: more than one file for the same read ({listed})")
    if "1" not in reads:
        return Sample(name, ordered, f"R2 without R1 ({listed})")
    if paired and "2" not in reads:
        return Sample(name, ordered, f"R1 without R2, while other samples are paired ({listed})")
    return Sample(name, ordered)

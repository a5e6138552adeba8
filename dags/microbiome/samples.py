"""Which FASTQ files belong to which sample, by Illumina's naming rules. Pure: object names in, samples out."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

# bcl2fastq: <sample>_S<n>_L<lane>_R<read>_001; some exports leave out the S or the lane, or write _1/_2 for the read.
_ILLUMINA = re.compile(r"^(?P<sample>.+?)_S?\d+_L\d{3}_R(?P<read>[12])_001$")
_SHORT = re.compile(r"^(?P<sample>.+?)_R?(?P<read>[12])$")
_FASTQ = re.compile(r"\.(fastq|fq)(\.gz)?$")


@dataclass(frozen=True)
class StoredObject:
    """One object of the bucket: key, size in bytes, and the ETag, which changes with the content."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class Sample:
    """The objects of one sample, forward reads first."""

    name: str
    objects: tuple[StoredObject, ...]

    @property
    def bytes(self) -> int:
        return sum(o.size for o in self.objects)


def find_samples(objects: Iterable[StoredObject]) -> list[Sample]:
    """Group FASTQ objects into samples, sorted by name; other objects are left out.

    A FASTQ that follows no rule is a single-end sample of its own. Objects that claim the same sample and read all stay
    with the sample: the lane quarantines it by name instead of choosing one of them.
    """
    groups: dict[str, list[tuple[str, StoredObject]]] = defaultdict(list)
    for stored in objects:
        stem, found = _FASTQ.subn("", stored.key.rsplit("/", 1)[-1])
        if not found:
            continue
        match = _ILLUMINA.match(stem) or _SHORT.match(stem)
        name, read = (match["sample"], match["read"]) if match else (stem, "1")
        groups[name].append((read, stored))
    return [
        Sample(name, tuple(stored for _, stored in sorted(group, key=lambda pair: (pair[0], pair[1].key))))
        for name, group in sorted(groups.items())
    ]

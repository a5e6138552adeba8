"""One sample: from its FASTQ files to counted sequences, with every read accounted for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from microbiome.dereplicate import Dereplicator
from microbiome.errors import BadSample
from microbiome.fastq import blocks, paired_blocks
from microbiome.kernels import quality
from microbiome.kernels.fates import FATES, NAMES_DIFFER
from microbiome.kernels.pairs import merge_pairs
from microbiome.kernels.parse import LENGTH
from microbiome.kernels.primer import ERROR_RATE, primer_masks, reverse_complement
from microbiome.kernels.reads import Limits, Primer
from microbiome.kernels.singles import filter_singles
from microbiome.settings import Settings

Sequences = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Reads:
    """Counts of one sample. `input` is pairs, or single reads; it is the sum of all others."""

    input: int
    fates: dict[str, int]

    def as_dict(self) -> dict[str, int]:
        return {"input": self.input, **self.fates}


def process_sample(
    files: tuple[Path, ...], names: tuple[str, ...], is_paired: bool, settings: Settings, scratch: Path
) -> tuple[Reads, Iterator[tuple[bytes, int]]]:
    """Merge or filter all reads of one sample. Raises BadSample; `names` are what the messages call the files.

    A sample of several lanes has files for each, lane by lane (R1, R2, R1, R2, ...); their reads are counted together.
    Returns the counts and the sequences in alphabetical order with how often each occurred.
    """
    kept = Dereplicator(scratch)
    totals = np.zeros(len(FATES), np.int64)
    read, step = (_pairs, 2) if is_paired else (_singles, 1)
    for lane in range(0, len(files), step):
        for text, lengths, fates in read(files[lane : lane + step], names[lane : lane + step], settings):
            totals += np.bincount(fates, minlength=len(FATES))
            kept.add(text, lengths)
    reads = Reads(int(totals.sum()), {name: int(count) for name, count in zip(FATES, totals, strict=True)})
    if not reads.input:
        raise BadSample(names[0], 0, "no reads in the file")
    if not reads.fates["kept"]:
        lost = ", ".join(f"{name} {count}" for name, count in reads.fates.items() if count)
        raise BadSample(names[0], 0, f"no reads left after filtering: {reads.input} in, {lost}")
    return reads, kept.finish()


def _primer(letters: str) -> Primer:
    return Primer(primer_masks(letters), int(len(letters) * ERROR_RATE))


def _limits(settings: Settings) -> Limits:
    return Limits(settings.min_length, settings.max_length, round(settings.max_ee * quality.UNIT))


def _pairs(files: tuple[Path, ...], names: tuple[str, ...], settings: Settings) -> Iterator[Sequences]:
    forward, reverse = _primer(settings.forward_primer), _primer(settings.reverse_primer)
    before = 0
    for a, b in paired_blocks((files[0], files[1]), (names[0], names[1])):
        count = len(a.records)
        out = np.empty(int(a.records[:, LENGTH].sum() + b.records[:, LENGTH].sum()), np.uint8)
        lengths, fates = np.empty(count, np.int64), np.zeros(count, np.int64)
        kept = merge_pairs(a, b, forward, reverse, _limits(settings), out, lengths, fates)
        differ = np.flatnonzero(fates == NAMES_DIFFER)
        if differ.size:
            raise BadSample(names[0], before + int(differ[0]) + 1, f"its name differs from that of {names[1]}'s record")
        before += count
        yield out[: int(lengths[:kept].sum())], lengths[:kept], fates


def _singles(files: tuple[Path, ...], names: tuple[str, ...], settings: Settings) -> Iterator[Sequences]:
    forward, far = _primer(settings.forward_primer), _primer(reverse_complement(settings.reverse_primer))
    for reads in blocks(files[0], names[0]):
        count = len(reads.records)
        out = np.empty(int(reads.records[:, LENGTH].sum()), np.uint8)
        lengths, fates = np.empty(count, np.int64), np.zeros(count, np.int64)
        kept = filter_singles(reads, forward, far, settings.truncate_length, _limits(settings), out, lengths, fates)
        yield out[: int(lengths[:kept].sum())], lengths[:kept], fates

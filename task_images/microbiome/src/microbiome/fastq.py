"""Read a FASTQ file, plain or gzip, in blocks of checked records. Memory does not grow with the file."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from isal import igzip, isal_zlib

from microbiome.errors import BadSample
from microbiome.kernels.parse import CUT_SHORT, FIELDS, OK, REASONS, parse
from microbiome.kernels.reads import Reads

CHUNK_BYTES = 1 << 20
RECORDS_PER_BLOCK = 8192
# No record of 10,000 bases with a sensible header is larger; beyond it the file is not FASTQ, or has one huge line.
MAX_RECORD_BYTES = 256 * 1024
GZIP_MAGIC = b"\x1f\x8b"
PHRED_33, PHRED_64 = 33, 64
# No instrument claims a score of 57 with offset 33; with offset 64 the same character is 26.
ONLY_WITH_64 = 90


def first_records(reads: Reads, count: int) -> Reads:
    return reads._replace(records=reads.records[:count])


def records_after(reads: Reads, count: int) -> Reads:
    return reads._replace(records=reads.records[count:])


class FastqFile:
    """The records of one file, block by block. Raises BadSample naming file and record number.

    `name` is what error messages call the file.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.done = 0
        self._text = np.empty(CHUNK_BYTES + MAX_RECORD_BYTES, np.uint8)
        self._held = 0
        self._ended = False
        self._span = np.array([255, 0], np.int64)
        self.offset = PHRED_33
        self._file = _open(path, name)

    def close(self) -> None:
        self._file.close()

    def next_block(self) -> Reads:
        """The next records; none at the end of the file."""
        records = np.empty((RECORDS_PER_BLOCK, FIELDS), np.int64)
        while True:
            self._fill()
            found, used, code = parse(self._text, self._held, self._ended, self.offset, records, self._span)
            if found == 0 and code != OK:
                self._fail(code)
            if found == 0 and not self._ended and self._held >= len(self._text) - CHUNK_BYTES:
                reason = (
                    f"no complete record within {MAX_RECORD_BYTES} bytes: not FASTQ, or a line that is far too long"
                )
                raise BadSample(self.name, self.done + 1, reason)
            if found or self._ended:
                return self._hand_out(records[:found], used)

    def _hand_out(self, records: np.ndarray, used: int) -> Reads:
        """Give the used part away and keep the rest for the next block."""
        text, rest = self._text, self._held - used
        self._text = np.empty_like(text)
        self._text[:rest] = text[used : self._held]
        self._held = rest
        self.done += len(records)
        if self.done == len(records):
            self._choose_offset()
        return Reads(text, records, self.offset)

    def _fill(self) -> None:
        """Read until the buffer holds a chunk more than before, or the file has ended."""
        room = min(CHUNK_BYTES, len(self._text) - self._held)
        if self._ended or room <= 0:
            return
        try:
            chunk = self._file.read(room)
        except EOFError:
            raise BadSample(self.name, self._next_record(), "truncated gzip: the file ends too early") from None
        except (igzip.BadGzipFile, isal_zlib.IsalError, zlib.error) as error:
            raise BadSample(self.name, self._next_record(), f"corrupt gzip: {error}") from None
        self._text[self._held : self._held + len(chunk)] = np.frombuffer(chunk, np.uint8)
        self._held += len(chunk)
        self._ended = not chunk

    def _next_record(self) -> int:
        """The first record that could not be read whole."""
        found, _, _ = parse(
            self._text, self._held, False, self.offset, np.empty((RECORDS_PER_BLOCK, FIELDS), np.int64), self._span
        )
        return self.done + int(found) + 1

    def _fail(self, code: int) -> None:
        reason = REASONS[code]
        if self.done == 0 and code != CUT_SHORT:
            begin = bytes(self._text[: min(40, self._held)])
            reason += f" (the file begins with {begin!r})"
        raise BadSample(self.name, self.done + 1, reason)

    def _choose_offset(self) -> None:
        """After the first block. Illumina wrote scores with offset 64 until 2011; archives are full of them."""
        low, high = self._span
        if low >= PHRED_64 and high >= ONLY_WITH_64:
            self.offset = PHRED_64


def _open(path: Path, name: str) -> BinaryIO:
    """The uncompressed bytes. gzip is known by its first bytes, not by the file name."""
    with path.open("rb") as handle:
        begin = handle.read(2)
    if not begin:
        raise BadSample(name, 0, "the file is empty (0 bytes)")
    return igzip.open(path, "rb") if begin == GZIP_MAGIC else path.open("rb")


def blocks(path: Path, name: str) -> Iterator[Reads]:
    """All blocks of one file."""
    reader = FastqFile(path, name)
    try:
        while len((block := reader.next_block()).records):
            yield block
    finally:
        reader.close()


def paired_blocks(paths: tuple[Path, Path], names: tuple[str, str]) -> Iterator[tuple[Reads, Reads]]:
    """Blocks of two files in step: record i of the first belongs to record i of the second."""
    readers = [FastqFile(path, name) for path, name in zip(paths, names, strict=True)]
    try:
        held = [reader.next_block() for reader in readers]
        while count := min(len(block.records) for block in held):
            yield first_records(held[0], count), first_records(held[1], count)
            held = [
                records_after(block, count) if len(block.records) > count else reader.next_block()
                for block, reader in zip(held, readers, strict=True)
            ]
        for block, short, long in zip(held, reversed(readers), readers, strict=True):
            if len(block.records):
                reason = f"different read counts: it ends after {short.done} reads, {long.name} goes on"
                raise BadSample(short.name, short.done + 1, reason)
    finally:
        for reader in readers:
            reader.close()

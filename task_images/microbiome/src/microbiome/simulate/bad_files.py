"""Samples that must be quarantined, one of each kind, made from a good pair of files."""

import zlib
from collections.abc import Callable
from pathlib import Path

from isal import igzip


def _gzip(content: bytes) -> bytes:
    return igzip.compress(content, compresslevel=1, mtime=0)


def _replace_line(content: bytes, line: int, text: bytes) -> bytes:
    lines = content.split(b"\n")
    lines[line] = text
    return b"\n".join(lines)


def _truncated(r1: bytes, r2: bytes) -> tuple[bytes, bytes | None]:
    packed = _gzip(r1)
    return packed[: len(packed) * 2 // 3], _gzip(r2)


def _corrupt(r1: bytes, r2: bytes) -> tuple[bytes, bytes | None]:
    packed = bytearray(_gzip(r1))
    middle = len(packed) // 2
    packed[middle : middle + 64] = bytes(64)
    return bytes(packed), _gzip(r2)


def _lengths(r1: bytes, r2: bytes) -> tuple[bytes, bytes | None]:
    return _gzip(_replace_line(r1, 4 * 9 + 3, b"IIII")), _gzip(r2)


def _letters(r1: bytes, r2: bytes) -> tuple[bytes, bytes | None]:
    return _gzip(_replace_line(r1, 4 * 4 + 1, b"ACGTXYZ")), _gzip(r2)


def _counts(r1: bytes, r2: bytes) -> tuple[bytes, bytes | None]:
    return _gzip(r1), _gzip(b"\n".join(r2.split(b"\n")[: 4 * 20]) + b"\n")


KINDS: dict[str, Callable[[bytes, bytes], tuple[bytes, bytes | None]]] = {
    "truncated": _truncated,
    "corrupt": _corrupt,
    "empty": lambda r1, r2: (b"", b""),
    "no-reads": lambda r1, r2: (_gzip(b""), _gzip(b"")),
    "lengths": _lengths,
    "letters": _letters,
    "counts": _counts,
    "not-fastq": lambda r1, r2: (_gzip(b"PK\x03\x04 this is no FASTQ file\n" * 20), _gzip(r2)),
    "huge-line": lambda r1, r2: (_gzip(b"@one\n" + b"A" * 3_000_000), _gzip(r2)),
}


def write_bad_sample(folder: Path, kind: str, r1: bytes, r2: bytes) -> str:
    """Write the pair of files and return the sample's name."""
    name = f"bad-{kind}"
    checksum = zlib.crc32(kind.encode()) % 100
    for mate, content in enumerate(KINDS[kind](r1, r2), start=1):
        if content is not None:
            (folder / f"{name}_S{900 + checksum}_L001_R{mate}_001.fastq.gz").write_bytes(content)
    return name

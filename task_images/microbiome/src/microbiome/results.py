"""A sample's result: a status document, and its counted sequences as FASTA in vsearch's style (`>1;size=532`)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from isal import igzip

from microbiome import __version__, storage
from microbiome.errors import BadInput, BadSample
from microbiome.kernels.counted import read_counted
from microbiome.manifest import Item
from microbiome.sample import Reads
from microbiome.settings import Settings

SCHEMA_VERSION = 1
OK, QUARANTINED = "ok", "quarantined"


@dataclass(frozen=True)
class SampleResult:
    """What is known of a sample once its batch has run. `record` counts from 1; 0 means the whole file."""

    key: str
    status: str
    reads: dict[str, int]
    unique: int = 0
    file: str = ""
    record: int = 0
    reason: str = ""


def data_uri(item: Item) -> str:
    return item.result + ".fasta.gz"


def write_ok(
    item: Item, settings: Settings, reads: Reads, sequences: Iterable[tuple[bytes, int]], scratch: Path
) -> int:
    """Write the sequences, then the status document (once). Returns the number of different sequences.

    The data object may be written twice by two tasks at work on the same sample: both write the same sequences.
    """
    path = scratch / "sequences.fasta.gz"
    unique = _write_fasta(path, sequences)
    storage.upload(path, data_uri(item))
    path.unlink(missing_ok=True)
    _write_status(item, settings, {"status": OK, "reads": reads.as_dict(), "unique": unique})
    return unique


def write_quarantined(item: Item, settings: Settings, problem: BadSample) -> None:
    fault = {"file": problem.file, "record": problem.record, "reason": problem.reason}
    _write_status(item, settings, {"status": QUARANTINED, "reads": {}, "unique": 0, "quarantine": fault})


def _write_status(item: Item, settings: Settings, body: dict[str, Any]) -> None:
    head = {"schema_version": SCHEMA_VERSION, "key": item.key, "files": list(item.files), "version": __version__}
    document = head | {"settings": settings.of_samples()} | body
    # A file name that is no UTF-8 has half surrogates: as JSON's own escapes.
    text = json.dumps(document, indent=1, ensure_ascii=False).encode(errors="backslashreplace")
    storage.write_once(item.result + ".json", text)


def _write_fasta(path: Path, sequences: Iterable[tuple[bytes, int]]) -> int:
    count = 0
    with igzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as raw:
        lines: list[bytes] = []
        for count, (sequence, size) in enumerate(sequences, start=1):
            lines.append(b">%d;size=%d\n%b\n" % (count, size, sequence))
            if len(lines) == 4096:
                raw.write(b"".join(lines))
                lines.clear()
        raw.write(b"".join(lines))
    return count


def read_status(item: Item, settings: Settings) -> SampleResult:
    """The status document of a sample. Raises Missing, or BadInput if it was made with other settings."""
    document = json.loads(storage.read_bytes(item.result + ".json"))
    made_with = document.get("settings")
    if made_with != settings.of_samples():
        raise BadInput(
            f"{item.result}.json: sample {item.key!r} was made with other settings ({made_with}) than this run's"
            f" ({settings.of_samples()}); run its batch again under another samples_uri"
        )
    fault = document.get("quarantine") or {}
    return SampleResult(
        item.key, document["status"], document["reads"], document["unique"],
        str(fault.get("file", "")), int(fault.get("record", 0)), str(fault.get("reason", "")),
    )  # fmt: skip


@dataclass(frozen=True)
class Packed:
    """Sequences of a sample as arrays: letters of all, where each one starts (n + 1 offsets), counts."""

    letters: np.ndarray
    offsets: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, sequences: Iterable[tuple[bytes, int]]) -> "Packed":
        pairs = list(sequences)
        lengths = np.fromiter((len(sequence) for sequence, _ in pairs), np.int64, len(pairs))
        letters = np.frombuffer(b"".join(sequence for sequence, _ in pairs), np.uint8)
        counts = np.fromiter((count for _, count in pairs), np.int64, len(pairs))
        return cls(letters, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), counts)

    @classmethod
    def read(cls, path: Path) -> "Packed":
        """A sample's data object."""
        with igzip.open(path, "rb") as handle:
            text = np.frombuffer(handle.read(), np.uint8)
        letters, offsets, counts = read_counted(text)
        return cls(letters, offsets, counts)

    def sequence(self, index: int) -> bytes:
        return self.letters[self.offsets[index] : self.offsets[index + 1]].tobytes()

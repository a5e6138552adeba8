"""Read a reference FASTA with its taxonomy, and cut it to the region that a primer pair amplifies."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from isal import igzip

from microbiome.classifier.lineage import NoLineage, parse_header, parse_taxon
from microbiome.errors import BadInput
from microbiome.kernels.primer import find_primer, primer_masks, reverse_complement

# References carry their own errors and variants at the primer site: allow more than for reads.
REFERENCE_ERROR_RATE = 0.2
SHORTEST = 32


@dataclass(frozen=True)
class Reference:
    """Sequences and their lineages, index by index; `skipped` counts entries that could not be used."""

    sequences: list[bytes]
    lineages: list[tuple[str, ...]]
    skipped: int


def read_fasta(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """Headers without '>' and sequences in capital DNA letters, gaps removed; plain or gzip."""
    with path.open("rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    header, parts = "", list[bytes]()
    started = False
    with igzip.open(path, "rb") if packed else path.open("rb") as lines:
        for line in lines:
            if line.startswith(b">"):
                if started:
                    yield header, _letters(parts)
                header, parts, started = line[1:].decode("utf-8", "replace").strip(), [], True
            elif not started and line.strip():
                raise BadInput(f"{name}: not a FASTA file: it begins with {line[:40]!r}, expected '>'")
            else:
                parts.append(line)
    if started:
        yield header, _letters(parts)


def _letters(parts: list[bytes]) -> bytes:
    return b"".join(parts).translate(None, b" \t\r\n-.").upper().replace(b"U", b"T")


def read_reference(path: Path, name: str, taxonomy: Path | None = None) -> Reference:
    """All usable entries. With `taxonomy` (id, tab, lineage) headers are looked up there by their first word."""
    table = _read_taxonomy(taxonomy) if taxonomy else None
    sequences, lineages, skipped = list[bytes](), list[tuple[str, ...]](), 0
    for number, (header, sequence) in enumerate(read_fasta(path, name), start=1):
        try:
            lineage = parse_header(header) if table is None else table.get(header.split()[0] if header else "", ())
        except NoLineage:
            raise BadInput(
                f"{name}: entry {number} '>{header[:60]}' has no taxonomy; understood are DADA2 ('>Bacteria;...;'),"
                " GTDB and Greengenes ('>id d__...;p__...'), SILVA ('>id Bacteria;...'), RDP ('Lineage=Root;...') and"
                " sintax (';tax=d:...'), or a separate table: microbiome prepare-reference --taxonomy"
            ) from None
        if len(sequence) < SHORTEST or not lineage:
            skipped += 1
            continue
        sequences.append(sequence)
        lineages.append(lineage)
    if not sequences:
        raise BadInput(f"{name}: no usable sequence with a taxonomy ({skipped} entries skipped)")
    return Reference(sequences, lineages, skipped)


def _read_taxonomy(path: Path) -> dict[str, tuple[str, ...]]:
    """QIIME's table: `Feature ID<tab>Taxon`, with or without that header."""
    rows = (line.split("\t") for line in path.read_text("utf-8").splitlines() if "\t" in line)
    return {
        row[0].strip(): parse_taxon(row[1]) for row in rows if row[0].strip().lower() not in ("feature id", "#otu id")
    }


def cut_to_region(reference: Reference, forward: str, reverse: str) -> Reference:
    """Only what lies between the primers; entries in which one of them is not found are left out."""
    near, far = primer_masks(forward), primer_masks(reverse_complement(reverse))
    sequences, lineages = list[bytes](), list[tuple[str, ...]]()
    for sequence, lineage in zip(reference.sequences, reference.lineages, strict=True):
        text = np.frombuffer(sequence, np.uint8)
        begin = find_primer(text, 0, text.size, near, int(near.size * REFERENCE_ERROR_RATE))
        if begin < 0:
            continue
        begin += near.size
        end = find_primer(text, begin, text.size - begin, far, int(far.size * REFERENCE_ERROR_RATE))
        if end >= SHORTEST:
            sequences.append(sequence[begin : begin + end])
            lineages.append(lineage)
    return Reference(sequences, lineages, reference.skipped + len(reference.sequences) - len(sequences))

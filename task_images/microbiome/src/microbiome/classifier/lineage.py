"""Read a lineage from a FASTA header: DADA2, GTDB, Greengenes/QIIME, SILVA, RDP and sintax conventions."""

import re

RANKS = ("domain", "phylum", "class", "order", "family", "genus")
LETTERS = "dpcofg"
PREFIX = re.compile(r"^\s*([a-zA-Z])_{1,2}(.*)$")
SINTAX = re.compile(r"[;\s]tax=([^;]+)")
RDP_LINEAGE = re.compile(r"Lineage=(.+)$")
# Words that stand for "no name" in the public references.
UNNAMED = re.compile(r"^(|unclassified|unidentified|uncultured|incertae sedis|metagenome|unknown)$", re.IGNORECASE)


class NoLineage(ValueError):
    """The header follows none of the known conventions."""


def parse_header(header: str) -> tuple[str, ...]:
    """Names from domain to genus, as deep as they are given; the species and what is below are left out."""
    sintax = SINTAX.search(header)
    if sintax:
        return _by_letter([part.replace(":", "__", 1) for part in sintax[1].split(",")])
    rdp = RDP_LINEAGE.search(header)
    if rdp:
        return _rdp(rdp[1])
    text = header.strip()
    if ";" not in text.split(None, 1)[0] and len(text.split(None, 1)) == 2:
        text = text.split(None, 1)[1]
    if ";" not in text and not ("__" in text and PREFIX.match(text)):
        raise NoLineage(header)
    return parse_taxon(text)


def parse_taxon(text: str) -> tuple[str, ...]:
    """A lineage alone: `d__Bacteria; p__...` or `Bacteria;Firmicutes;...`."""
    # GTDB and SILVA headers may go on after the lineage: " [location=...]".
    parts = [part.strip() for part in re.sub(r"\s*\[.*$", "", text).strip().strip(";").split(";")]
    if PREFIX.match(parts[0]) and "__" in parts[0]:
        return _by_letter(parts)
    if parts[0].lower() == "root":
        parts = parts[1:]
    return _cut(parts)


def _by_letter(parts: list[str]) -> tuple[str, ...]:
    """Names with rank letters (k = d: Greengenes calls the domain a kingdom)."""
    names = dict.fromkeys(LETTERS, "")
    for part in parts:
        match = PREFIX.match(part)
        if match:
            letter = match[1].lower().replace("k", "d")
            if letter in names and not names[letter]:
                names[letter] = match[2].strip()
    return _cut(list(names.values()))


def _rdp(text: str) -> tuple[str, ...]:
    """RDP's own form: name;rank;name;rank..., which may hold suborders and subclasses."""
    parts = text.split(";")
    ranks = {rank.strip().lower(): name.strip().strip('"') for name, rank in zip(parts[::2], parts[1::2], strict=False)}
    return _cut([ranks.get(rank, "") for rank in RANKS])


def _cut(names: list[str]) -> tuple[str, ...]:
    """Six ranks at most, without unnamed ones at the end; an unnamed rank in between keeps its place."""
    kept = ["" if UNNAMED.match(name.strip('"')) else name.strip('"') for name in names[: len(RANKS)]]
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


def write_taxon(names: tuple[str, ...]) -> str:
    """`d__Bacteria; p__Firmicutes`, as QIIME 2 writes it."""
    return "; ".join(f"{letter}__{name}" for letter, name in zip(LETTERS, names, strict=False)) or "Unassigned"

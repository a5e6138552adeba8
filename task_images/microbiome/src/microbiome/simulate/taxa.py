"""16S-like sequences evolved down a taxonomy, with the primer sites of V3-V4 and V4 where E. coli has them."""

from dataclasses import dataclass

import numpy as np

from microbiome.classifier.lineage import LETTERS
from microbiome.kernels.primer import reverse_complement

LENGTH = 1500
# Positions of E. coli's 16S: 341F 341-357, 515F 515-533, 806R 787-806, 805R 785-805.
SITES = {340: "CCTACGGGAGGCAGCAG", 514: "GTGCCAGCAGCCGCGGTAA", 784: "GGATTAGATACCCTGGTAGTC"}
V4_FORWARD, V4_REVERSE = "GTGYCAGCMGCCGCGGTAA", "GGACTACNVGGGTWTCTAAT"
# The nine variable regions (E. coli positions); they take most of the changes.
VARIABLE = [
    (69, 99),
    (137, 242),
    (433, 497),
    (576, 682),
    (822, 879),
    (986, 1043),
    (1117, 1173),
    (1243, 1294),
    (1435, 1465),
]
# Share of variable positions that change below a parent at each rank, from phylum to strain; conserved ones: a tenth.
DIVERGENCE = (0.30, 0.20, 0.15, 0.14, 0.12, 0.05)
CHILDREN = (1, 6, 2, 2, 2, 3)
SYLLABLES = [first + second for first in "bdfklmnprstv" for second in "aeio"]
ENDINGS = ("", "ota", "ia", "ales", "aceae", "um")
INDEL_SHARE = 0.03


@dataclass(frozen=True)
class Strain:
    """A member of the taxonomy with its full-length sequence."""

    id: str
    lineage: tuple[str, ...]
    sequence: str

    @property
    def taxon(self) -> str:
        return ";".join(f"{letter}__{name}" for letter, name in zip(LETTERS, self.lineage, strict=True))


def make_strains(random: np.random.Generator, strains_per_genus: int = 2) -> list[Strain]:
    """A whole taxonomy: 144 genera, each with its strains. The same generator state gives the same sequences."""
    rates = np.full(LENGTH, 0.1)
    for first, last in VARIABLE:
        rates[first:last] = 1.0
    for position, site in SITES.items():
        rates[position : position + len(site)] = 0.0
    root = random.integers(0, 4, LENGTH).astype(np.int8)
    for position, site in SITES.items():
        root[position : position + len(site)] = ["ACGT".index(letter) for letter in site]
    names: set[str] = set()
    level: list[tuple[tuple[str, ...], np.ndarray]] = [(("Bacteria",), root)]
    for rank in range(1, 6):
        level = [
            ((*lineage, _name(random, ENDINGS[rank], names)), _evolve(random, bases, rates, DIVERGENCE[rank - 1]))
            for lineage, bases in level
            for _ in range(CHILDREN[rank])
        ]
    strains = [
        (lineage, _evolve(random, bases, rates, DIVERGENCE[5]))
        for lineage, bases in level
        for _ in range(strains_per_genus)
    ]
    return [
        Strain(f"sim{number:05d}", lineage, _letters(random, bases, rates))
        for number, (lineage, bases) in enumerate(strains, start=1)
    ]


def _name(random: np.random.Generator, ending: str, used: set[str]) -> str:
    """A made-up name that no other taxon has, so that nobody takes it for a real one."""
    while True:
        name = "".join(random.choice(SYLLABLES, 3)).capitalize() + ending
        if name not in used:
            used.add(name)
            return name


def _evolve(random: np.random.Generator, bases: np.ndarray, rates: np.ndarray, divergence: float) -> np.ndarray:
    changed = random.random(LENGTH) < rates * divergence
    return np.where(changed, (bases + random.integers(1, 4, LENGTH)) % 4, bases).astype(np.int8)


def _letters(random: np.random.Generator, bases: np.ndarray, rates: np.ndarray) -> str:
    """Letters with a few gaps in the variable regions, so that amplicons differ in length as real ones do."""
    dropped = (random.random(LENGTH) < INDEL_SHARE / 3) & (rates == 1.0)
    return "".join("ACGT"[base] for base in bases[~dropped])


def amplicon(sequence: str) -> str:
    """What 515F and 806R amplify, primers included. The sites are exact in every strain."""
    forward, reverse = SITES[514], reverse_complement(V4_REVERSE)
    begin = sequence.index(forward)
    end = sequence.index(SITES[784], begin) + 2 + len(reverse)
    return sequence[begin:end]

"""Who is in a sample, how abundant, and which molecules PCR makes of it (chimeras included)."""

from dataclasses import dataclass

import numpy as np

from microbiome.simulate.taxa import Strain, amplicon

# A staggered community's members differ by this factor from one to the next: 20 members span about 1 : 2,000.
STAGGER = 1.5


@dataclass(frozen=True)
class Member:
    """A strain in a sample, with its share of the molecules."""

    strain: Strain
    share: float


def draw_members(random: np.random.Generator, strains: list[Strain], number: int, staggered: bool) -> list[Member]:
    """`number` strains with different amplicons, evenly abundant or each 1.5 times rarer than the one before."""
    chosen, seen = list[Strain](), set[str]()
    for index in random.permutation(len(strains)):
        molecule = amplicon(strains[index].sequence)
        if molecule not in seen and len(chosen) < number:
            seen.add(molecule)
            chosen.append(strains[index])
    weights = STAGGER ** -np.arange(len(chosen), dtype=float) if staggered else np.ones(len(chosen))
    shares = weights / weights.sum()
    return [Member(strain, float(share)) for strain, share in zip(chosen, shares, strict=True)]


def draw_fragments(
    random: np.random.Generator, members: list[Member], pairs: int, chimera_share: float
) -> tuple[list[np.ndarray], np.ndarray, int]:
    """Amplicons of the sequenced molecules (codes 0-3), the member of each (-1: chimera), and the number of chimeras.

    A chimera arises once and is then copied: a few kinds make up all chimeric reads, as in real libraries.
    """
    codes = [np.array(["ACGT".index(base) for base in amplicon(member.strain.sequence)], np.int8) for member in members]
    shares = np.array([member.share for member in members])
    chimeric = round(pairs * chimera_share) if len(members) > 1 else 0
    origin = random.choice(len(members), pairs - chimeric, p=shares)
    fragments = [codes[index] for index in origin]
    if chimeric:
        kinds = [_chimera(random, codes, shares) for _ in range(max(1, chimeric // 20))]
        weights = np.array([weight for _, weight in kinds])
        chosen = random.choice(len(kinds), chimeric, p=weights / weights.sum())
        fragments += [kinds[index][0] for index in chosen]
    return fragments, np.concatenate([origin, np.full(chimeric, -1)]), chimeric


def _chimera(random: np.random.Generator, codes: list[np.ndarray], shares: np.ndarray) -> tuple[np.ndarray, float]:
    """The beginning of one member and the end of another, and how readily it forms.

    Abundant members meet more often, and a chimera is rarer than the rarer of its parents.
    """
    first, second = random.choice(len(codes), 2, replace=False, p=shares)
    cut = int(random.integers(60, min(len(codes[first]), len(codes[second])) - 60))
    return np.concatenate([codes[first][:cut], codes[second][cut:]]), float(min(shares[first], shares[second]))

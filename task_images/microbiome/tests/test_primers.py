"""Primer search against cutadapt, and IUPAC letters."""

import numpy as np
import pytest
from cutadapt.adapters import FrontAdapter

from microbiome.kernels.primer import ERROR_RATE, find_primer, primer_masks, reverse_complement

PRIMERS = ["CCTACGGGNGGCWGCAG", "GACTACHVGGGTATCTAATCC", "GTGYCAGCMGCCGCGGTAA", "AGRGTTYGATYMTGGCTCAG"]


def instance(random: np.random.Generator, primer: str, errors: int) -> str:
    """A sequence that the primer matches, with so many substitutions."""
    choices = dict(
        zip(
            "ACGTRYMKSWHVN", ("A", "C", "G", "T", "AG", "CT", "AC", "GT", "CG", "AT", "ACT", "ACG", "ACGT"), strict=True
        )
    )
    bases = [str(random.choice(list(choices[letter]))) for letter in primer]
    for place in random.choice(len(bases), errors, replace=False):
        bases[place] = "N"
    return "".join(bases)


def ours(read: str, primer: str) -> int:
    text = np.frombuffer(read.encode(), np.uint8)
    return find_primer(text, 0, text.size, primer_masks(primer), int(len(primer) * ERROR_RATE))


@pytest.mark.parametrize("primer", PRIMERS)
def test_primer_is_found_where_cutadapt_finds_it(primer: str) -> None:
    """cutadapt without indels and without matches that hang over the read's end, as ours."""
    adapter = FrontAdapter(primer, max_errors=ERROR_RATE, min_overlap=len(primer), indels=False)
    random = np.random.default_rng(3)
    for number in range(300):
        spacer, rest = ("".join(random.choice(list("ACGT"), int(size))) for size in (random.integers(0, 9), 120))
        read = spacer + (instance(random, primer, number % 4) if number % 5 else "") + rest
        match = adapter.match_to(read)
        assert ours(read, primer) == (match.rstart if match else -1), read


def test_no_primer_is_found_at_once_and_short_reads_have_none() -> None:
    assert ours("ACGT", "") == 0
    assert ours("ACGT", PRIMERS[0]) == -1


def test_reverse_complement_of_iupac_letters() -> None:
    assert reverse_complement("GGACTACNVGGGTWTCTAAT") == "ATTAGAWACCCBNGTAGTCC"
    assert all(reverse_complement(reverse_complement(primer)) == primer for primer in PRIMERS)

"""Distances, denoising, chimeras and mapping against plain implementations."""

from pathlib import Path

import edlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isal import igzip

from microbiome.denoise import Rows, chimeras, denoise, unoise
from microbiome.kernels.distance import edit_distance
from microbiome.kernels.search import SCRATCH
from microbiome.mapping import map_samples
from microbiome.pool import pool_samples
from microbiome.results import Packed, _write_fasta

letters = st.text("ACGT", min_size=1, max_size=120)


def mutate(random: np.random.Generator, sequence: str, edits: int) -> str:
    """Substitutions, insertions and deletions at random places."""
    bases = list(sequence)
    for _ in range(edits):
        place = int(random.integers(len(bases)))
        kind = random.integers(4)
        if kind < 2:
            bases[place] = str(random.choice([base for base in "ACGT" if base != bases[place]]))
        elif kind == 2:
            bases.insert(place, str(random.choice(list("ACGT"))))
        elif len(bases) > 1:
            del bases[place]
    return "".join(bases)


def packed(*pairs: tuple[str, int]) -> Packed:
    return Packed.of((sequence.encode(), count) for sequence, count in pairs)


def distance(first: str, second: str, bound: int) -> int:
    rows = Rows.of(packed((first, 1), (second, 1)))
    reach = np.empty((2, SCRATCH), np.int64)
    return edit_distance(rows.words[0], len(first), rows.words[1], len(second), bound, reach)


@settings(max_examples=400, deadline=None)
@given(first=letters, second=letters, edits=st.integers(0, 12), bound=st.integers(0, 15), seed=st.integers(0, 10**9))
def test_edit_distance_is_edlibs(first: str, second: str, edits: int, bound: int, seed: int) -> None:
    for other in (second, mutate(np.random.default_rng(seed), first, edits)):
        expected = edlib.align(first, other, mode="NW", task="distance")["editDistance"]
        assert distance(first, other, bound) == min(expected, bound + 1)


def community(seed: int, templates: int = 6, length: int = 150) -> list[tuple[str, int]]:
    """Templates with error clouds around them, sorted as a pool is."""
    random = np.random.default_rng(seed)
    ancestor = "".join(random.choice(list("ACGT"), length))
    counts: dict[str, int] = {}
    for number in range(templates):
        template = mutate(random, ancestor, int(random.integers(2, 40)))
        size = int(4000 / 2**number)
        counts[template] = counts.get(template, 0) + size
        for _ in range(30):
            variant = mutate(random, template, int(random.integers(1, 4)))
            counts[variant] = counts.get(variant, 0) + int(random.integers(1, max(2, size // 16)))
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def plain_unoise(pool: list[tuple[str, int]], alpha: float) -> list[int]:
    """UNOISE3 one by one, as the paper states it."""
    kept: list[int] = []
    for row, (sequence, size) in enumerate(pool):
        for centroid in kept:
            edits = edlib.align(sequence, pool[centroid][0], mode="NW", task="distance")["editDistance"]
            if size / pool[centroid][1] <= 2.0 ** -(alpha * edits + 1):
                break
        else:
            kept.append(row)
    return kept


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("alpha", [1.0, 2.0, 3.5])
@pytest.mark.parametrize("threads", [1, 3])
def test_unoise_is_that_of_the_paper(seed: int, alpha: float, threads: int) -> None:
    pool = community(seed)
    whole = packed(*pool)
    assert unoise(Rows.of(whole), whole.counts, alpha, threads).tolist() == plain_unoise(pool, alpha)


def test_chimeras_are_found_and_variants_are_not() -> None:
    random = np.random.default_rng(1)
    first, second = ("".join(random.choice(list("ACGT"), 200)) for _ in range(2))
    gap = first[:90] + first[91:]
    chimera = first[:120] + second[120:]
    near_miss = first[:120] + second[121:]
    rows = [(first, 900), (second, 800), (gap, 300), (chimera, 100), (near_miss[:150] + "A" + near_miss[151:], 90)]
    assert chimeras(packed(*rows)).tolist() == [False, False, False, True, False]
    # Parents must be at least twice as abundant.
    assert chimeras(packed((first, 900), (second, 150), (chimera, 100))).tolist() == [False, False, False]


def test_nothing_to_denoise() -> None:
    found = denoise(packed(), 2.0)
    assert len(found.centroids) == len(found.features) == 0


def write_samples(folder: Path, samples: list[list[tuple[str, int]]]) -> list[Path]:
    paths = [folder / f"{number}.fasta.gz" for number in range(len(samples))]
    for path, sample in zip(paths, samples, strict=True):
        _write_fasta(path, sorted((sequence.encode(), count) for sequence, count in sample))
    return paths


def test_pool_adds_up_and_drops_the_rare(tmp_path: Path) -> None:
    paths = write_samples(tmp_path, [[("ACGT" * 10, 5), ("TTTT" * 10, 3)], [("ACGT" * 10, 3), ("GGGG" * 10, 9)], []])
    expected = [(b"GGGG" * 10, 9), (b"ACGT" * 10, 8)]
    for order in (paths, paths[::-1]):
        pool = pool_samples(map(Packed.read, order), order, 8)
        assert [(pool.sequence(row), int(pool.counts[row])) for row in range(len(pool.counts))] == expected


def test_pool_survives_equal_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write_samples(tmp_path, [[("ACGT" * 10, 5), ("TTTT" * 10, 5), ("CCCC" * 10, 8)]])
    monkeypatch.setattr("microbiome.pool.hashes_of", lambda sample: np.zeros(len(sample.counts), np.uint64))
    pool = pool_samples(map(Packed.read, paths), paths, 8)
    assert (len(pool.counts), pool.sequence(0)) == (1, b"CCCC" * 10)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("threads", [1, 3])
def test_reads_go_to_the_nearest_feature(tmp_path: Path, seed: int, threads: int) -> None:
    pool = community(seed)
    rows = plain_unoise(pool, 2.0)
    features = packed(*(pool[row] for row in rows))
    random = np.random.default_rng(seed)
    strangers = ["".join(random.choice(list("ACGT"), size)) for size in (20, 150, 400)]
    sample = dict.fromkeys([*(sequence for sequence, _ in pool), *strangers], 2)
    (path,) = write_samples(tmp_path, [list(sample.items())])
    expected = np.zeros(len(rows), np.int64)
    for sequence in sample:
        edits = [
            edlib.align(sequence, pool[row][0], mode="NW", task="distance")["editDistance"]
            * 100 / max(len(sequence), len(pool[row][0])) for row in rows
        ]  # fmt: skip
        distances = [edlib.align(sequence, pool[row][0], mode="NW", task="distance")["editDistance"] for row in rows]
        near = [index for index, percent in enumerate(edits) if percent <= 3]
        if near:
            expected[min(near, key=lambda index: (distances[index], index))] += 2
    assert map_samples([path], features, threads)[:, 0].tolist() == expected.tolist()


def test_counted_sequences_survive_the_file(tmp_path: Path) -> None:
    (path,) = write_samples(tmp_path, [[("ACGT", 1), ("GATTACA", 1_000_000_007)]])
    assert igzip.open(path, "rb").read() == b">1;size=1\nACGT\n>2;size=1000000007\nGATTACA\n"
    found = Packed.read(path)
    assert (found.sequence(1), found.counts.tolist()) == (b"GATTACA", [1, 1_000_000_007])

"""Merging and filtering: the right fragment, the right fate, nothing lost."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microbiome.errors import BadSample
from microbiome.kernels import quality
from microbiome.sample import Reads, process_sample
from microbiome.settings import Settings

Write = Callable[..., Path]
DEFAULTS = Settings()
DEFAULTS = Settings()
COMPLEMENT = bytes.maketrans(b"ACGTN", b"TGCAN")


def reverse(sequence: bytes) -> bytes:
    return sequence.translate(COMPLEMENT)[::-1]


def random_sequence(seed: int, length: int) -> bytes:
    return bytes(np.random.default_rng(seed).choice(np.frombuffer(b"ACGT", np.uint8), length))


def fastq(*reads: bytes, score: str = "I") -> bytes:
    return b"".join(b"@r%d\n%b\n+\n%b\n" % (n, read, score.encode() * len(read)) for n, read in enumerate(reads))


def merge(write: Write, forward: bytes, backward: bytes, given: Settings = DEFAULTS) -> tuple[Reads, dict[bytes, int]]:
    """Counts and sequences of a sample made of these two files."""
    files = (write(forward, "a_R1.fastq"), write(backward, "a_R2.fastq"))
    reads, sequences = process_sample(files, ("R1", "R2"), True, given, files[0].parent)
    return reads, dict(sequences)


@pytest.mark.parametrize("length", [130, 200, 250, 300, 400, 470])
def test_overlapping_pair_gives_the_fragment(fastq_file: Write, length: int) -> None:
    fragment = random_sequence(length, length)
    adapter = random_sequence(1, 300)  # reads that are longer than the fragment go on into it
    one, two = (fragment + adapter)[:250], (reverse(fragment) + adapter[::-1])[:250]
    reads, found = merge(fastq_file, fastq(one), fastq(two))
    assert found == {fragment: 1}
    assert reads.as_dict() | {"input": 1, "kept": 1} == reads.as_dict()


def test_the_better_base_wins_and_n_never_does(fastq_file: Write) -> None:
    fragment = random_sequence(5, 200)
    wrong = bytearray(fragment)
    wrong[100] = ord("A") if fragment[100] != ord("A") else ord("C")
    wrong[50] = ord("N")
    scores = bytearray(b"I" * 200)
    scores[100] = scores[50] = ord("#")
    one = b"@r0\n%b\n+\n%b\n" % (bytes(wrong), bytes(scores))
    assert merge(fastq_file, one, fastq(reverse(fragment)))[1] == {fragment: 1}
    assert merge(fastq_file, fastq(reverse(fragment)), one)[1] == {reverse(fragment): 1}


def test_every_fate_is_counted(fastq_file: Write) -> None:
    good, short, long = (random_sequence(seed, length) for seed, length in ((1, 220), (2, 60), (3, 330)))
    no_overlap = (random_sequence(4, 200), random_sequence(5, 200))
    blurred = good[:30] + b"N" + good[31:]
    ones = [good, short, long[:200], no_overlap[0], blurred]
    twos = [reverse(good), reverse(short), reverse(long)[:200], no_overlap[1], reverse(blurred)]
    settings = Settings(min_length=100, max_length=300)
    reads, found = merge(fastq_file, fastq(*ones), fastq(*twos), settings)
    expected = {"kept": 1, "too_short": 1, "too_long": 1, "not_merged": 1, "ambiguous": 1}
    assert {fate: count for fate, count in reads.fates.items() if count} == expected
    assert found == {good: 1}
    poor = merge(fastq_file, fastq(good, good), fastq(reverse(good), reverse(good)), settings)[0]
    assert poor.fates["kept"] == 2


def test_expected_errors_decide(fastq_file: Write) -> None:
    fragment = random_sequence(6, 400)
    one, two = fastq(fragment[:210], fragment[:210], score="2"), fastq(*[reverse(fragment)[:210]] * 2, score="2")
    # 2 x 190 bases of Q17 seen once: 7.6 expected errors; the 20 bases of overlap hardly count.
    assert merge(fastq_file, one, two, Settings(max_ee=7.7))[0].fates["kept"] == 2
    with pytest.raises(BadSample, match="no reads left after filtering: 2 in, low_quality 2"):
        merge(fastq_file, one, two, Settings(max_ee=7.5))


def test_pairs_out_of_step_are_refused(fastq_file: Write) -> None:
    fragment = random_sequence(7, 200)
    two = fastq(reverse(fragment), reverse(fragment)).replace(b"@r1", b"@x1")
    with pytest.raises(BadSample, match="its name differs") as caught:
        merge(fastq_file, fastq(fragment, fragment), two)
    assert caught.value.record == 2


@pytest.mark.parametrize("marks", [("/1", "/2"), (" 1:N:0:1", " 2:N:0:1"), (".1", ".2")])
def test_mate_numbers_are_no_part_of_the_name(fastq_file: Write, marks: tuple[str, str]) -> None:
    fragment = random_sequence(8, 200)
    one = fastq(fragment).replace(b"@r0", b"@run:7" + marks[0].encode())
    two = fastq(reverse(fragment)).replace(b"@r0", b"@run:7" + marks[1].encode())
    assert merge(fastq_file, one, two)[1] == {fragment: 1}


def test_repeats_that_fit_twice_are_not_merged(fastq_file: Write) -> None:
    repeat = b"ACGTTGCA" * 30
    with pytest.raises(BadSample, match="not_merged 1"):
        merge(fastq_file, fastq(repeat[:150]), fastq(reverse(repeat)[:150]))


def test_primers_are_cut_and_required(fastq_file: Write) -> None:
    fragment = random_sequence(9, 150)
    whole = b"GTGCCAGCAGCCGCGGTAA" + fragment + reverse(b"GGACTACACGGGTATCTAAT")
    settings = Settings(forward_primer="GTGYCAGCMGCCGCGGTAA", reverse_primer="GGACTACNVGGGTWTCTAAT")
    spacer = b"TGA"
    ones, twos = [whole, spacer + whole, fragment], [reverse(whole), reverse(whole), reverse(fragment)]
    reads, found = merge(fastq_file, fastq(*ones), fastq(*twos), settings)
    assert (found, reads.fates["no_primer"]) == ({fragment: 2}, 1)


def test_single_reads(fastq_file: Write) -> None:
    fragment = random_sequence(10, 160)
    read = b"GTGCCAGCAGCCGCGGTAA" + fragment + reverse(b"GGACTACACGGGTATCTAAT") + random_sequence(11, 20)
    given = Settings(forward_primer="GTGYCAGCMGCCGCGGTAA", reverse_primer="GGACTACNVGGGTWTCTAAT")
    path = fastq_file(fastq(read, read[:120], fragment), "a.fastq")
    reads, sequences = process_sample((path,), ("R1",), False, given, path.parent)
    assert dict(sequences) == {fragment: 1, fragment[:101]: 1}
    assert (reads.input, reads.fates["no_primer"]) == (3, 1)
    cut = Settings(truncate_length=110)
    reads, sequences = process_sample((path,), ("R1",), False, cut, path.parent)
    assert {len(sequence) for sequence, _ in sequences} == {110}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), score=st.sampled_from("#5I"), unique_in_memory=st.sampled_from([3, 400_000]))
def test_reads_in_are_reads_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, seed: int, score: str, unique_in_memory: int
) -> None:
    random = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("pairs")
    fragments = [random_sequence(int(random.integers(30)), int(random.integers(20, 420))) for _ in range(30)]
    (folder / "1").write_bytes(fastq(*(fragment[:180] for fragment in fragments), score=score))
    (folder / "2").write_bytes(fastq(*(reverse(fragment)[:180] for fragment in fragments), score=score))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("microbiome.dereplicate.UNIQUE_IN_MEMORY", unique_in_memory)
        try:
            reads, found = process_sample(
                (folder / "1", folder / "2"), ("R1", "R2"), True, Settings(max_ee=2.0), folder
            )
        except BadSample as problem:
            reason = problem.reason
        else:
            reason = ""
            sequences = list(found)
    if reason:
        assert "no reads left after filtering: 30 in" in reason
        return
    assert reads.input == 30 == sum(reads.fates.values())
    assert sum(count for _, count in sequences) == reads.fates["kept"]
    assert [sequence for sequence, _ in sequences] == sorted({sequence for sequence, _ in sequences})
    assert not list(folder.glob("run-*"))


def test_error_tables_are_those_of_the_paper() -> None:
    """Edgar & Flyvbjerg 2015: two Q20 bases that agree have an error near 1/30,000, that differ near 1/2."""
    assert quality.AGREE[20, 20] / quality.UNIT == pytest.approx((0.01**2 / 3) / (1 - 0.02 + 4 * 0.01**2 / 3))
    assert quality.DIFFER[20, 20] / quality.UNIT == pytest.approx(0.50168, abs=1e-5)
    assert quality.SINGLE[30] / quality.UNIT == pytest.approx(0.001)

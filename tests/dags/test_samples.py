"""FASTQ names and the samples they stand for."""

import pytest

from microbiome.samples import StoredObject, find_samples


def names(*keys: str) -> dict[str, list[str]]:
    found = find_samples(StoredObject(key, 10, "etag") for key in keys)
    return {sample.name: [stored.key for stored in sample.objects] for sample in found}


@pytest.mark.parametrize(
    ("forward", "reverse", "sample"),
    [
        ("Mock_S280_L001_R1_001.fastq.gz", "Mock_S280_L001_R2_001.fastq.gz", "Mock"),
        ("F3D141_S207_L001_R1_001.fastq", "F3D141_S207_L001_R2_001.fastq", "F3D141"),
        # Some exports number the files, and R1 and R2 then differ in that number.
        ("BAQ2420.2_10_L001_R1_001.fastq.gz", "BAQ2420.2_11_L001_R2_001.fastq.gz", "BAQ2420.2"),
        ("gut_7_R1.fq.gz", "gut_7_R2.fq.gz", "gut_7"),
        ("gut_7_1.fastq.gz", "gut_7_2.fastq.gz", "gut_7"),
        ("with space_S1_L001_R1_001.fastq.gz", "with space_S1_L001_R2_001.fastq.gz", "with space"),
        ("腸内_S1_L001_R1_001.fastq.gz", "腸内_S1_L001_R2_001.fastq.gz", "腸内"),
    ],
)
def test_pairs_are_found_whatever_the_order(forward: str, reverse: str, sample: str) -> None:
    assert names(f"raw/{reverse}", f"raw/{forward}") == {sample: [f"raw/{forward}", f"raw/{reverse}"]}


def test_other_objects_are_left_out_and_a_plain_fastq_is_a_sample() -> None:
    assert names("raw/notes.txt", "raw/", "raw/plain.fastq.gz") == {"plain": ["raw/plain.fastq.gz"]}


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (["raw/run1/A_S1_L001_R1_001.fastq.gz", "raw/run2/A_S9_L001_R1_001.fastq.gz"], "duplicate sample name"),
        (["raw/A_R2.fastq.gz"], "R2 without R1"),
        (["raw/A_R1.fastq.gz", "raw/B_R1.fastq.gz", "raw/B_R2.fastq.gz"], "R1 without R2, while other"),
    ],
)
def test_a_problem_stays_with_its_sample_and_names_the_files(keys: list[str], problem: str) -> None:
    first, *others = find_samples(StoredObject(key, 10, "etag") for key in keys)
    assert first.name == "A"
    assert first.problem.startswith(problem)
    assert keys[0] in first.problem
    assert not any(sample.problem for sample in others)


def test_single_end_samples_are_no_problem() -> None:
    found = find_samples(StoredObject(f"raw/{name}_R1.fastq.gz", 10, "etag") for name in "AB")
    assert [(sample.name, sample.problem) for sample in found] == [("A", ""), ("B", "")]

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


def test_lanes_belong_together_in_their_order() -> None:
    keys = [f"raw/A_S1_L00{lane}_R{read}_001.fastq.gz" for lane in (1, 2, 3, 4) for read in (1, 2)]
    assert names(*reversed(keys)) == {"A": keys}


def test_two_lanes_of_single_reads_are_no_pair() -> None:
    keys = [f"raw/{folder}/A_S1_L00{lane}_R1_001.fastq.gz" for lane, folder in ((1, "y"), (2, "x"))]
    (found,) = find_samples(StoredObject(key, 10, "etag") for key in keys)
    assert ([stored.key for stored in found.objects], found.layout, found.problem) == (keys, "single", "")


def test_other_objects_are_left_out_and_a_plain_fastq_is_a_sample() -> None:
    assert names("raw/notes.txt", "raw/", "raw/plain.fastq.gz") == {"plain": ["raw/plain.fastq.gz"]}


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (["raw/run1/A_S1_L001_R1_001.fastq.gz", "raw/run2/A_S9_L001_R1_001.fastq.gz"], "duplicate sample name"),
        (["raw/A_S1_L001_R1_001.fastq.gz", "raw/A_S2_L002_R1_001.fastq.gz"], "duplicate sample name"),
        (["raw/A_S1_L001_R1_001.fastq.gz", "raw/A_S1_R1_001.fastq.gz"], "duplicate sample name"),
        (["raw/A_S1_L001_R1_001.fastq.gz", "raw/A_S1_L002_R2_001.fastq.gz"], "R1 and R2 are not of the same lanes"),
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


def test_index_reads_belong_to_nobody() -> None:
    reads = [f"raw/A_S1_L00{lane}_R{read}_001.fastq.gz" for lane in (1, 2) for read in (1, 2)]
    index = [f"raw/A_S1_L00{lane}_I{read}_001.fastq.gz" for lane in (1, 2) for read in (1, 2)]
    assert names(*index, *reads) == {"A": reads}


@pytest.mark.parametrize(
    ("sample", "shown"),
    [("a\nb", "a\\nb"), ("a\tb", "a\\tb"), ("a\x1b[31m", "a\\x1b[31m"), ("a\u2028b", "a\\u2028b"), (" ", "' '")],
)
def test_a_name_that_no_table_can_hold_costs_its_sample_only(sample: str, shown: str) -> None:
    keys = [f"raw/{name}_R{read}.fastq.gz" for name in (sample, "good") for read in (1, 2)]
    found = {one.name: one for one in find_samples(StoredObject(key, 10, "etag") for key in keys)}
    assert set(found) == {shown, "good"}
    assert found[shown].problem.startswith("sample name is blank or has control characters; rename its files (raw/")
    assert [stored.key for stored in found[shown].objects] == keys[:2]
    assert not set(found[shown].problem) & set("\n\t\x1b\u2028")
    assert found["good"].problem == ""

"""The generator gives the same files for the same seed; file names are read as the README says."""

from pathlib import Path

import pytest
from helpers import Command, summary_of

from microbiome.names import find_samples, parse_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Mock_S280_L001_R1_001.fastq.gz", ("Mock", 1)),
        ("BAQ2420.2_11_L001_R2_001.fastq.gz", ("BAQ2420.2", 2)),
        ("my_sample_7_S12_L001_R1_001.fastq", ("my_sample_7", 1)),
        ("a_R1.fastq.gz", ("a", 1)),
        ("a_2.fq.gz", ("a", 2)),
        ("a.R2.fq", ("a", 2)),
        ("a_S3_R1_001.fastq.gz", ("a", 1)),
        ("sample_10.fastq.gz", ("sample_10", 1)),
        ("name with spaces_R1.FASTQ.GZ", ("name with spaces", 1)),
        ("日本_R1.fastq.gz", ("日本", 1)),
        ("notes.txt", None),
        (".hidden_R1.fastq.gz", None),
    ],
)
def test_file_names(name: str, expected: tuple[str, int] | None) -> None:
    found = parse_name(name)
    assert (found and found[:2]) == expected


def test_samples_of_a_folder(tmp_path: Path) -> None:
    for name in ("a_R1.fastq", "a_R2.fastq", "b.fastq", "c_R2.fastq", "x/d_R1.fastq", "y/d_R1.fastq", "e.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = {
        sample.name: (len(sample.files), sample.problem.split(" (")[0].split(":")[0])
        for sample in find_samples(tmp_path)
    }
    assert found == {
        "a": (2, ""), "b": (1, "R1 without R2, while other samples are paired"), "c": (1, "R2 without R1"),
        "d": (2, "duplicate sample name"),
    }  # fmt: skip


@pytest.mark.parametrize("mark", ["\t", ","])
@pytest.mark.parametrize(
    "header",
    [
        ("sample-id", "forward-absolute-filepath", "reverse-absolute-filepath"),
        ("sampleID", "forwardReads", "reverseReads"),
    ],
    ids=["QIIME 2", "ampliseq"],
)
def test_sample_sheets(study: Path, tmp_path: Path, command: Command, mark: str, header: tuple[str, ...]) -> None:
    good = [str(path) for path in find_samples(study / "reads")[-1].files]
    rows = [
        header,
        ("b", *good),
        ("a", "gone_R1.fastq", "gone_R2.fastq"),
        ("c", *good),
        ("c", *good),
        ("d", "", good[1]),
    ]
    (tmp_path / "sheet").write_text("".join(mark.join(row) + "\n" for row in rows))
    files = ("--sample-sheet", tmp_path / "sheet", "--reference", study / "reference.fasta.gz")
    assert command("run", *files, "--out", tmp_path / "out")[0] == 0
    found = summary_of(tmp_path / "out")
    assert (found["samples_ok"], {name: reason.split(":")[0] for name, reason in found["quarantined"].items()}) == (
        1,
        {"a": "the file does not exist", "c": "duplicate sample name", "d": "no forward reads in the sample sheet"},
    )


def test_faulty_sample_sheets(tmp_path: Path, command: Command) -> None:
    (tmp_path / "sheet.csv").write_text("name,file\na,b\n")
    common = ("--reference", tmp_path / "sheet.csv", "--out", tmp_path / "out")
    code, output = command("run", "--sample-sheet", tmp_path / "sheet.csv", *common)
    assert (code, "its columns are name, file; needed are a sample column" in output) == (2, True)
    assert command("run", "--sample-sheet", tmp_path / "none.csv", *common)[0] == 2


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_same_seed_same_files(tmp_path: Path, command: Command) -> None:
    sizes = ("--samples", 3, "--pairs", 60, "--bad", "truncated,counts")
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        assert command("simulate", "--out", tmp_path / name, "--seed", seed, *sizes)[0] == 0
    first, same, other = (files_of(tmp_path / name) for name in "abc")
    assert first == same
    assert len(first) == 3 + 2 * 5
    assert all(first[name] != other[name] for name in first if name != "metadata.tsv")


def test_truth_adds_up(study: Path) -> None:
    rows = [line.split("\t") for line in (study / "truth.tsv").read_text().splitlines()[1:]]
    for sample in {row[0] for row in rows}:
        assert sum(float(row[3]) for row in rows if row[0] == sample) == pytest.approx(1, abs=1e-6)
        assert len({row[1] for row in rows if row[0] == sample}) == 12


def test_impossible_studies_are_refused(tmp_path: Path, command: Command) -> None:
    code, output = command("simulate", "--out", tmp_path, "--bad", "ugly")
    assert (code, "unknown kind; allowed: truncated" in output) == (2, True)
    code, output = command("simulate", "--out", tmp_path, "--members", 1000)
    assert (code, "allowed 1 to 150" in output) == (2, True)

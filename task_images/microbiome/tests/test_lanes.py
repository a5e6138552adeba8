"""A sample sequenced over several lanes: its files belong together, and its reads are counted into one result."""

import gzip
import shutil
from pathlib import Path

import pytest
from helpers import Command, parameters, run_pipeline, summary_of, tables_of

from microbiome.names import find_samples


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.touch()


def test_lanes_belong_together(tmp_path: Path) -> None:
    touch(tmp_path, *(f"a_S1_L00{lane}_R{read}_001.fastq.gz" for lane in (2, 1) for read in (2, 1)))
    (found,) = find_samples(tmp_path)
    assert [path.name[5:12] for path in found.files] == ["L001_R1", "L001_R2", "L002_R1", "L002_R2"]
    assert (found.problem, found.layout) == ("", "paired")


def test_two_lanes_of_single_reads_are_no_pair(tmp_path: Path) -> None:
    touch(tmp_path, "x/a_S1_L001_R1_001.fastq.gz", "y/a_S1_L002_R1_001.fastq.gz")
    (found,) = find_samples(tmp_path)
    assert ([path.parent.name for path in found.files], found.problem, found.layout) == (["x", "y"], "", "single")


def spread(source: Path, target: Path, reads: tuple[int, ...]) -> None:
    """The good samples' reads dealt out to two lanes, 1,000 and the rest; the third lane has none."""
    target.mkdir()
    for path in source.glob("sim*.fastq.gz"):
        if not any(f"_R{read}_" in path.name for read in reads):
            continue
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        for lane, part in (("L001", lines[:4000]), ("L002", lines[4000:]), ("L003", [])):
            (target / path.name.replace("L001", lane)).write_bytes(gzip.compress(b"".join(part)))


@pytest.mark.parametrize("reads", [(1, 2), (1,)], ids=["paired", "single"])
def test_lanes_give_the_tables_of_one_file(
    study: Path, tmp_path: Path, command: Command, reads: tuple[int, ...]
) -> None:
    (tmp_path / "reads").mkdir()
    for read in reads:
        for path in (study / "reads").glob(f"sim*_R{read}_*"):
            shutil.copy(path, tmp_path / "reads")
    spread(study / "reads", tmp_path / "lanes", reads)
    given = parameters(study) | {"truncate_length": "150"}
    whole = run_pipeline(command, tmp_path / "a", tmp_path / "reads", given)
    lanes = run_pipeline(command, tmp_path / "b", tmp_path / "lanes", given)
    assert summary_of(lanes)["reads_in"] == 6 * 1500
    assert tables_of(lanes) == tables_of(whole)


def test_a_bad_lane_sets_its_sample_aside(study: Path, tmp_path: Path, command: Command) -> None:
    spread(study / "reads", tmp_path / "lanes", (1, 2))
    bad = next((tmp_path / "lanes").glob("sim001_*_L002_R2_*"))
    bad.write_bytes(bad.read_bytes()[:-2000])
    found = run_pipeline(command, tmp_path / "out", tmp_path / "lanes", parameters(study))
    (row,) = (found / "quarantine.tsv").read_text().splitlines()[1:]
    assert row.split("\t")[:2] == ["sim001", str(bad)]


def sheet_of(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    lines = ["sampleID,forwardReads,reverseReads", *(",".join(row) for row in rows)]
    (folder / "sheet.csv").write_text("\n".join(lines) + "\n")
    return folder / "sheet.csv"


def test_lanes_of_a_sheet(study: Path, tmp_path: Path, command: Command) -> None:
    """Several lines of one sample are its lanes; index reads and other doubles are refused by name."""
    spread(study / "reads", tmp_path / "lanes", (1, 2))
    pairs = [
        (path.name.split("_")[0], path.name, path.name.replace("_R1_", "_R2_"))
        for path in sorted((tmp_path / "lanes").glob("*_R1_*"), reverse=True)
    ]
    name, r1, r2 = pairs[0]
    (tmp_path / "lanes" / r1.replace("_R1_", "_I1_")).write_bytes((tmp_path / "lanes" / r1).read_bytes())
    odd = [("twice", r1, r2), ("twice", r1, r2), ("mixed", r1, r2), ("mixed", r1.replace("L003", "L001"), "")]
    sheet = sheet_of(tmp_path / "lanes", [*pairs, *odd, ("index", r1.replace("_R1_", "_I1_"), r2)])
    common = ("--reference", study / "reference.fasta.gz", "--metadata", study / "metadata.tsv", "--out")
    assert command("run", "--sample-sheet", sheet, *common, tmp_path / "out")[0] == 0
    found = summary_of(tmp_path / "out")
    assert (found["samples_ok"], found["reads_in"]) == (6, 6 * 1500)
    reasons = {sample: reason.split(" of ")[0] for sample, reason in found["quarantined"].items()}
    double = "duplicate sample name: 2 lines"
    assert reasons == {
        "twice": double, "mixed": double, "index": r1.replace("_R1_", "_I1_") + " holds index reads, no sample's"
    }  # fmt: skip
    assert name in (tmp_path / "out/feature-table.tsv").read_text()


def test_index_reads_of_a_folder_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, *(f"a_S1_L00{lane}_{read}_001.fastq.gz" for lane in (1, 2) for read in ("I1", "I2", "R1", "R2")))
    (found,) = find_samples(tmp_path)
    assert (len(found.files), found.problem, found.layout) == (4, "", "paired")

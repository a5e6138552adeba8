"""Bad samples are set aside and named; bad requests end with exit code 2 and one line that says what to do."""

import json
import os
import shutil
from pathlib import Path

import pytest
from helpers import Command, parameters, summary_of, write_manifest

from microbiome.names import FoundSample, find_samples


def test_each_bad_sample_is_named_with_its_reason(whole: Path) -> None:
    rows = [line.split("\t") for line in (whole / "quarantine.tsv").read_text().splitlines()[1:]]
    found = {row[0]: (Path(row[1]).name.rsplit("_", 2)[-2:], row[2], row[3]) for row in rows}
    reasons = {
        "truncated": "truncated gzip", "corrupt": "corrupt gzip", "empty": "0 bytes", "no-reads": "no reads",
        "lengths": "different lengths", "letters": "other than A, C, G, T, N", "counts": "different read counts",
        "not-fastq": "does not begin with '@'", "huge-line": "no complete record",
    }  # fmt: skip
    assert set(found) == {f"bad-{kind}" for kind in reasons}
    for kind, reason in reasons.items():
        assert reason in found[f"bad-{kind}"][2]
    assert [found[f"bad-{kind}"][1] for kind in ("lengths", "letters", "counts")] == ["10", "5", "21"]
    assert found["bad-counts"][0] == ["R2", "001.fastq.gz"]


def test_a_batch_of_bad_samples_only_ends_with_2(study: Path, tmp_path: Path, command: Command) -> None:
    bad = [sample for sample in find_samples(study / "reads") if sample.name.startswith("bad-")]
    path = tmp_path / "m.json"
    manifest = write_manifest(path, bad, 1, parameters(study), str(tmp_path / "samples"))
    assert command("analyze-batch", "--manifest", manifest, "--batch", 0)[0] == 2
    assert command("analyze-batch", "--manifest", manifest, "--batch", 0)[0] == 2
    code, output = command("gather", "--manifest", manifest, "--output", tmp_path / "out")
    assert (code, "0 of 9 samples ok" in output) == (2, True)
    assert len((tmp_path / "out/quarantine.tsv").read_text().splitlines()) == 10
    assert b"Quarantined samples" in (tmp_path / "out/report.html").read_bytes()


def test_problems_found_before_the_batch(study: Path, tmp_path: Path, command: Command) -> None:
    good = find_samples(study / "reads")[-1]
    samples = [
        FoundSample("日本 α", good.files),
        FoundSample("gone", (tmp_path / "no_R1.fastq", tmp_path / "no_R2.fastq")),
        FoundSample("half", good.files[1:], "R2 without R1"),
        FoundSample("twice", good.files),
    ]
    manifest = write_manifest(tmp_path / "m.json", [*samples, samples[-1]], 1, parameters(study), str(tmp_path / "s"))
    assert command("analyze-batch", "--manifest", manifest, "--batch", 0)[0] == 0
    assert command("gather", "--manifest", manifest, "--output", tmp_path / "out")[0] == 0
    assert summary_of(tmp_path / "out")["quarantined"] == {
        "gone": "the file does not exist",
        "half": "R2 without R1",
        "twice": "duplicate sample name in the manifest",
    }
    assert "日本 α" in (tmp_path / "out/feature-table.tsv").read_text().splitlines()[1]


def test_names_that_no_table_can_hold(study: Path, tmp_path: Path, command: Command) -> None:
    """Control characters, and bytes that are no UTF-8, in names of files and folders."""
    good = find_samples(study / "reads")[-1]
    folder = tmp_path / "reads" / "x\ty" / os.fsdecode(b"caf\xe9")
    folder.mkdir(parents=True)
    for name in ("a\nb", os.fsdecode(b"\xff"), "good"):
        for number, source in enumerate(good.files, start=1):
            shutil.copy(source, folder / f"{name}_R{number}.fastq.gz")
    (folder / "torn_R1.fastq.gz").write_bytes(good.files[0].read_bytes()[:500])
    (folder / "torn_R2.fastq.gz").write_bytes(good.files[1].read_bytes())
    reference = ("--reference", study / "reference.fasta.gz")
    code, output = command("run", "--reads", tmp_path / "reads", *reference, "--out", tmp_path / "out")
    assert code == 0, output
    found = summary_of(tmp_path / "out")
    assert (found["samples_ok"], sorted(found["quarantined"])) == (1, ["\\udcff", "a\\nb", "torn"])
    rows = (tmp_path / "out/quarantine.tsv").read_text("utf-8").splitlines()
    assert [len(row.split("\t")) for row in rows] == [4] * 4
    assert "x\\ty/caf\\udce9/torn_R1.fastq.gz" in rows[3]
    assert b"a\\\\nb" in (tmp_path / "out/report.html").read_bytes()


def test_gather_names_what_is_missing(study: Path, tmp_path: Path, command: Command) -> None:
    manifest = write_manifest(
        tmp_path / "m.json", find_samples(study / "reads"), 5, parameters(study), str(tmp_path / "s")
    )
    for batch in range(1, 5):
        command("analyze-batch", "--manifest", manifest, "--batch", batch)
    code, output = command("gather", "--manifest", manifest, "--output", tmp_path / "out")
    assert (code, "3 of 15 samples have no result: bad-corrupt, bad-letters, sim002" in output) == (2, True), output
    assert not (tmp_path / "out").exists()
    code, _ = command("gather", "--manifest", manifest, "--output", tmp_path / "out", "--allow-missing")
    assert (code, summary_of(tmp_path / "out")["samples_ok"]) == (0, 5)
    assert "sim002\t\t\tno result" in (tmp_path / "out/quarantine.tsv").read_text()


def test_gather_refuses_samples_made_with_other_settings(study: Path, tmp_path: Path, command: Command) -> None:
    samples = find_samples(study / "reads")[-2:]
    manifest = write_manifest(tmp_path / "m.json", samples, 1, parameters(study), str(tmp_path / "s"))
    assert command("analyze-batch", "--manifest", manifest, "--batch", 0)[0] == 0
    changed = write_manifest(
        tmp_path / "n.json", samples, 1, parameters(study) | {"max_ee": "0.5"}, str(tmp_path / "s")
    )
    code, output = command("gather", "--manifest", changed, "--output", tmp_path / "out")
    assert (code, "was made with other settings" in output) == (2, True)


def test_gather_finds_reads_that_got_lost(study: Path, tmp_path: Path, command: Command) -> None:
    samples = find_samples(study / "reads")[-2:]
    manifest = write_manifest(tmp_path / "m.json", samples, 1, parameters(study), str(tmp_path / "s"))
    assert command("analyze-batch", "--manifest", manifest, "--batch", 0)[0] == 0
    for path in (tmp_path / "s").glob("*.json"):
        document = json.loads(path.read_text())
        document["reads"]["kept"] += 1
        path.write_text(json.dumps(document))
    code, output = command("gather", "--manifest", manifest, "--output", tmp_path / "out")
    assert (code, "1500 reads in, but 1501 accounted for" in output) == (2, True)
    for path in (tmp_path / "s").glob("*.json"):
        document = json.loads(path.read_text())
        document["reads"]["input"] += 1
        path.write_text(json.dumps(document))
    code, output = command("gather", "--manifest", manifest, "--output", tmp_path / "out")
    assert (code, "reads kept, but its sequences hold" in output) == (2, True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameters": {"reference": "r", "maxee": "1"}}, "unknown parameter maxee; known parameters: reference"),
        ({"parameters": {"reference": "r", "max_ee": "many"}}, "max_ee 'many' is not a number"),
        ({"parameters": {"reference": "r", "alpha": "99"}}, "alpha '99' is out of range; allowed 0.5 to 10"),
        ({"parameters": {"reference": "r", "forward_primer": "ACGTACGTAC"}}, "reverse_primer is empty"),
        ({"parameters": {"reference": "r", "forward_primer": "AC-T", "reverse_primer": "A"}}, "'AC-T' is not a primer"),
        ({"parameters": {}}, "reference is empty"),
        ({"schema_version": 2}, "schema_version 2 is not supported"),
        ({"items": []}, "no items"),
        ({"items": [{"key": "a", "batch": 0, "files": ["1", "2", "3"], "result": "r"}]}, "3 files; allowed"),
        ({"items": [{"key": "a", "batch": 0, "files": ["1", "2", "3"], "result": "r", "layout": "paired"}]}, "3 files"),
        ({"items": [{"key": "a", "batch": 0, "files": ["1"], "result": "r", "layout": "odd"}]}, "layout 'odd' is not"),
        ({"items": [{"key": "a\u2028b", "batch": 0, "files": ["1"], "result": "r"}]}, "control characters"),
        ({"items": [{"key": "a\tb", "batch": 0, "files": ["1"], "result": "r"}]}, "control characters"),
        ({"items": [{"key": "a", "files": ["1"], "result": "r"}]}, "needs key, files, result and batch"),
    ],
)
def test_faulty_manifests(tmp_path: Path, command: Command, change: dict[str, object], message: str) -> None:
    good = {
        "schema_version": 1, "parameters": {"reference": "r"},
        "items": [{"key": "a", "batch": 0, "files": ["1"], "result": "r"}],
    }  # fmt: skip
    (tmp_path / "m.json").write_text(json.dumps(good | change))
    for arguments in (("analyze-batch", "--batch", 0), ("gather", "--output", tmp_path / "out")):
        code, output = command(*arguments, "--manifest", tmp_path / "m.json")
        assert (code, message in output) == (2, True), output


def test_other_bad_input(study: Path, tmp_path: Path, command: Command) -> None:
    assert "does not exist" in command("gather", "--manifest", tmp_path / "no.json", "--output", "x")[1]
    samples = find_samples(study / "reads")[-1:]
    wrong = {"reference": str(tmp_path / "none.fasta")}
    manifest = write_manifest(tmp_path / "m.json", samples, 1, wrong, str(tmp_path / "s"))
    assert (
        "no batch 7; batches in the manifest: [0]" in command("analyze-batch", "--manifest", manifest, "--batch", 7)[1]
    )
    assert command("analyze-batch", "--manifest", manifest, "--batch", 0)[0] == 0
    code, output = command("gather", "--manifest", manifest, "--output", tmp_path / "out")
    assert (code, f"reference {wrong['reference']} does not exist" in output) == (2, True)
    assert command("run", "--reads", tmp_path / "no", "--reference", "r", "--out", tmp_path)[0] == 2


def test_the_share_of_bad_samples_is_a_metric_where_there_is_an_environment(
    study: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = [sample for sample in find_samples(study / "reads") if sample.name.startswith("bad-")]
    good = [sample for sample in find_samples(study / "reads") if not sample.name.startswith("bad-")]
    manifest = write_manifest(tmp_path / "m.json", [*bad[:1], *good[:3]], 1, parameters(study), str(tmp_path / "s"))
    command("analyze-batch", "--manifest", manifest, "--batch", 0)
    gather = ("gather", "--manifest", manifest, "--output", tmp_path / "out")
    assert "_aws" not in command(*gather)[1]
    monkeypatch.setenv("TASKLANE_ENVIRONMENT", "prod")
    [line] = [line for line in command(*gather)[1].splitlines() if "_aws" in line]
    event = json.loads(line)
    assert (event["Environment"], event["Samples"], event["QuarantinedPercent"]) == ("prod", 4, 25.0)
    [directive] = event["_aws"]["CloudWatchMetrics"]
    assert all(metric["Name"] in event for metric in directive["Metrics"])
    assert all(name in event for names in directive["Dimensions"] for name in names)

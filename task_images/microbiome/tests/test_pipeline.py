"""The commands end to end: same tables for any split, bad samples set aside, nothing lost, honest exit codes."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from helpers import TABLES, Command, run_pipeline, summary_of, tables_of, write_manifest

from microbiome.names import FoundSample, find_samples
from microbiome.simulate.write import Study, write_study


def parameters(study: Path) -> dict[str, str]:
    return {"reference": str(study / "reference.fasta.gz"), "metadata": str(study / "metadata.tsv")}


@pytest.fixture
def whole(study: Path, tmp_path: Path, command: Command) -> Path:
    """The study analysed as one batch."""
    return run_pipeline(command, tmp_path / "whole", study / "reads", parameters(study))


def test_tables_do_not_depend_on_batches_order_or_threads(
    study: Path, tmp_path: Path, whole: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tables_of(whole)
    assert set(expected) == TABLES
    split = run_pipeline(command, tmp_path / "split", study / "reads", parameters(study), batches=4, backwards=True)
    monkeypatch.setattr("microbiome.parallel.cpu_count", lambda: 3)
    monkeypatch.setattr("microbiome.batch.cpu_count", lambda: 5)
    threads = run_pipeline(command, tmp_path / "threads", study / "reads", parameters(study), batches=2)
    for other in (split, threads):
        found = {
            name: content.replace(bytes(other.parent), bytes(whole.parent))
            for name, content in tables_of(other).items()
        }
        assert [name for name in TABLES if found[name] != expected[name]] == []


def test_run_gives_the_pipelines_tables(study: Path, tmp_path: Path, whole: Path, command: Command) -> None:
    arguments = (
        "run",
        "--reads",
        study / "reads",
        "--reference",
        study / "reference.fasta.gz",
        "--out",
        tmp_path / "run",
    )
    assert command(*arguments)[0] == 0
    assert tables_of(tmp_path / "run") == tables_of(whole)
    code, output = command(*arguments)
    assert (code, output.count("already done")) == (0, 15)


def test_generated_community_is_recovered(study: Path, tmp_path: Path, command: Command) -> None:
    given = parameters(study) | {"truth": str(study / "truth.tsv")}
    found = summary_of(run_pipeline(command, tmp_path / "p", study / "reads", given))
    truth = found["truth"]
    assert (truth["false"], truth["samples"]) == (0, 6)
    assert truth["found"] == truth["expected"] == truth["detectable"]
    # 1,500 pairs drawn at random from 12 members differ from the shares by about 0.03 on average.
    assert truth["bray_curtis"] < 0.05
    assert found["chimeras"] > 10


def test_rare_members_are_found_and_chimeras_are_not(tmp_path: Path, command: Command) -> None:
    """A staggered community with 10 % chimeras: every member with 16 expected reads or more is found, nothing else."""
    write_study(tmp_path, Study(samples=4, seed=3, pairs=3000, members=24, abundance="staggered", chimera_share=0.1))
    given = {"reference": str(tmp_path / "reference.fasta.gz"), "truth": str(tmp_path / "truth.tsv")}
    truth = summary_of(run_pipeline(command, tmp_path / "p", tmp_path / "reads", given))["truth"]
    expected: Counter[str] = Counter()
    for line in (tmp_path / "truth.tsv").read_text().splitlines()[1:]:
        _, sequence, _, share = line.split("\t")
        expected[sequence] += float(share) * 3000 * 0.9  # type: ignore[assignment]
    frequent = {sequence for sequence, reads in expected.items() if reads >= 16}
    assert len(frequent) > 20
    assert frequent & set(truth["missing_members"]) == set()
    assert truth["false"] == 0


def test_every_read_is_accounted_for(whole: Path) -> None:
    lines = [line.split("\t") for line in (whole / "overall_summary.tsv").read_text().splitlines()]
    header, rows = lines[0], [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    lost = header[header.index("input") + 1 : header.index("kept")]
    good = [row for row in rows if row["status"] == "ok"]
    assert len(good) == 6
    for row in good:
        assert int(row["input"]) == 1500 == sum(int(row[name]) for name in [*lost, "kept"])
        assert int(row["kept"]) == int(row["mapped"]) + int(row["unmapped"])


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


def test_result_document(study: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKLANE_RESULT_URI", str(tmp_path / "deep/result.json"))
    manifest = write_manifest(
        tmp_path / "m.json", find_samples(study / "reads"), 1, parameters(study), str(tmp_path / "s")
    )
    command("analyze-batch", "--manifest", manifest, "--batch", 0)
    document = json.loads((tmp_path / "deep/result.json").read_text())
    assert (document["status"], document["command"]) == ("ok", "analyze-batch")
    assert document["counts"] == {"samples": 15, "ok": 6, "quarantined": 9, "skipped": 0}
    command("analyze-batch", "--manifest", manifest, "--batch", 9)
    document = json.loads((tmp_path / "deep/result.json").read_text())
    assert (document["status"], document["exit_code"]) == ("bad_input", 2)


def test_sigterm_stops_at_once_and_leaves_nothing_half_written(study: Path, tmp_path: Path) -> None:
    sample = find_samples(study / "reads")[-1]
    many = [FoundSample(f"s{number:04d}", sample.files) for number in range(3000)]
    manifest = write_manifest(tmp_path / "m.json", many, 1, parameters(study), str(tmp_path / "samples"))
    (tmp_path / "scratch").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "microbiome", "analyze-batch", "--manifest", str(manifest), "--batch", "0"],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(tmp_path / "scratch")},
    )  # fmt: skip
    assert process.stdout is not None
    while "[20/3000]" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert (process.returncode, "stopped by SIGTERM" in output) == (143, True)
    assert not list((tmp_path / "scratch").glob("microbiome-*"))
    written = list((tmp_path / "samples").iterdir())
    assert not [path for path in written if path.name.startswith(".part-")]
    for path in written:
        if path.suffix == ".json":
            assert json.loads(path.read_text())["status"] == "ok"
            assert path.with_name(path.stem + ".fasta.gz").exists()

"""The commands end to end: same tables for any split, bad samples set aside, nothing lost, honest exit codes."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from helpers import TABLES, Command, parameters, run_pipeline, summary_of, tables_of, write_manifest

from microbiome.names import FoundSample, find_samples
from microbiome.simulate.write import Study, write_study


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

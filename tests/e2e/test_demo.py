"""The whole thing, as a newcomer runs it: emulator, unmodified CDK CLI, Airflow, containers, tables, report.

One run on generated samples with known truth and one broken file among them; one on real reads where they are at hand
(TASKLANE_DATA, or ../shared/data beside the repository).
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TASKLANE_DATA") or ROOT.parent / "shared/data")
SECONDS = 900


def run_demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [".venv/bin/python", "-m", "local.demo", "--out", str(folder / "out"), "--state", str(folder / "state")]
    return subprocess.run([*argv, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)


def summary_of(folder: Path, done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout + done.stderr + logs_of(folder)
    return dict(json.loads((folder / "out/summary.json").read_text()))


def logs_of(folder: Path) -> str:
    """The end of every service's log, for the reader of a failed test."""
    files = sorted((folder / "state/logs").glob("*.log"))
    return "\n".join(f"== {f.name}\n" + "\n".join(f.read_text(errors="replace").splitlines()[-15:]) for f in files)


def left_running(folder: Path) -> list[str]:
    """Processes of the environment in `folder` that still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TASKLANE_LOCAL_STATE") == str(folder / "state"):
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.mark.timeout(SECONDS)
def test_generated_samples_with_a_broken_one_among_them(tmp_path: Path) -> None:
    generated = tmp_path / "samples"
    simulate = [".venvs/microbiome/bin/python", "-m", "microbiome", "simulate", "--out", str(generated)]
    subprocess.run([*simulate, "--samples", "5", "--seed", "7"], cwd=ROOT, check=True, capture_output=True)
    for read in "12":
        whole = next(generated.rglob(f"*R{read}*.fastq.gz")).read_bytes()
        (generated / f"Torn_S99_L001_R{read}_001.fastq.gz").write_bytes(whole[: len(whole) // 2])
    reference = next(generated.glob("reference*.fasta*"))
    reads = tmp_path / "reads"
    reads.mkdir()
    for path in generated.rglob("*.fastq.gz"):
        shutil.copy(path, reads)
    done = run_demo(tmp_path, "--data", str(reads), "--reference", str(reference), "--batch-items", "3")
    summary = summary_of(tmp_path, done)
    assert (summary["samples"], summary["samples_ok"], summary["samples_quarantined"]) == (6, 5, 1)
    assert summary["batches"] == 2
    assert summary["asvs"] > 0
    assert "Torn" in (tmp_path / "out/quarantine.tsv").read_text()
    assert "<html" in (tmp_path / "out/report.html").read_text().lower()
    assert left_running(tmp_path) == []


@pytest.mark.skipif(not (DATA / "mock").is_dir(), reason=f"no real reads in {DATA} (set TASKLANE_DATA)")
@pytest.mark.timeout(SECONDS)
def test_real_reads_give_every_mock_sequence_and_no_false_one(tmp_path: Path) -> None:
    reads = tmp_path / "reads"
    reads.mkdir()
    for path in [*(DATA / "mock").glob("*.fastq.gz"), *(DATA / "mouse_gut").glob("*.fastq.gz")]:
        shutil.copy(path, reads)
    reference = DATA / "reference/rdp_train_set_16.fa.gz"
    done = run_demo(tmp_path, "--data", str(reads), "--reference", str(reference), "--batch-items", "3")
    summary = summary_of(tmp_path, done)
    assert (summary["samples"], summary["samples_ok"], summary["batches"]) == (8, 8, 3)
    expected = sequences(DATA / "mock/HMP_MOCK.v35.fasta")
    in_mock = mock_sequences(tmp_path / "out")
    false = [found for found in in_mock if not any(found in whole for whole in expected)]
    assert (len(in_mock), false) == (20, [])


def mock_sequences(out: Path) -> list[str]:
    """Sequences of the features that the mock sample holds."""
    lines = [line for line in (out / "feature-table.tsv").read_text().splitlines() if not line.startswith("# ")]
    header, *rows = (line.split("\t") for line in lines)
    column = next(i for i, name in enumerate(header) if name.startswith("Mock"))
    ids = {row[0] for row in rows if float(row[column]) > 0}
    text = (out / "asv_seqs.fasta").read_text()
    records = (record.split("\n", 1) for record in text.split(">")[1:])
    return [body.replace("\n", "") for name, body in records if name.split()[0] in ids]


def sequences(fasta: Path) -> list[str]:
    records = fasta.read_text().split(">")[1:]
    return [record.split("\n", 1)[1].replace("\n", "").upper() for record in records]

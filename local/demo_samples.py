"""The FASTQ samples of a demo: generated with known truth, or a person's own."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from local.processes import LocalError
from local.state import ROOT

_FASTQ = (".fastq", ".fq", ".fastq.gz", ".fq.gz")


@dataclass(frozen=True)
class Samples:
    """Files to upload: reads, one reference, and the expected composition where it is known."""

    reads: tuple[Path, ...]
    reference: Path
    truth: Path | None
    count: int
    origin: str


def simulated_samples(count: int, folder: Path, reference: Path | None) -> Samples:
    """Generate `count` samples of a mock community (seed 1: the same reads every time) into `folder`."""
    if reference is not None:
        raise LocalError("REFERENCE goes with DATA: generated samples come with a reference of their own")
    python = ROOT / ".venvs/microbiome/bin/python"
    argv = [str(python), "-m", "microbiome", "simulate", "--out", str(folder), "--samples", str(count), "--seed", "1"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": ""})
    if done.returncode:
        raise LocalError(f"generating samples failed: {done.stderr.strip().splitlines()[-1:] or done.stdout}")
    reads = _fastq_files(folder / "reads")
    return Samples(
        reads=reads,
        reference=_one(folder, "reference*.fasta*"),
        truth=_one(folder, "truth*.tsv"),
        count=count,
        origin="generated, seed 1",
    )


def own_samples(folder: Path, reference: Path | None) -> Samples:
    """A person's own FASTQ files; the reference must be given."""
    if not folder.is_dir():
        raise LocalError(f"DATA={folder}: no such folder; give a folder with FASTQ files")
    if reference is None or not reference.is_file():
        raise LocalError(f"REFERENCE={reference or ''}: not a file; give a FASTA with taxonomy in its headers")
    reads = _fastq_files(folder)
    if not reads:
        raise LocalError(f"DATA={folder}: no FASTQ file in it; names end in {', '.join(_FASTQ)}")
    # Counted here by first reads only for the first line of the demo; the pipeline detects samples itself.
    firsts = [path for path in reads if "_R2" not in path.name]
    return Samples(reads=reads, reference=reference, truth=None, count=len(firsts), origin=str(folder))


def _fastq_files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for path in folder.rglob("*") if path.name.endswith(_FASTQ)))


def _one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise LocalError(f"{folder}: one {pattern} expected, found {len(found)}")
    return found[0]

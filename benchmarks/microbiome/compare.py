"""Ours against vsearch on the same reads, one thread each, in turns: CPU seconds per step and in total."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from microbiome.classifier.assign import assign
from microbiome.classifier.model import train
from microbiome.classifier.reference import read_reference
from microbiome.denoise import Rows, chimeras, unoise
from microbiome.mapping import map_samples
from microbiome.names import FoundSample, find_samples
from microbiome.pool import pool_samples
from microbiome.results import Packed, _write_fasta
from microbiome.sample import process_sample
from microbiome.settings import Settings

Seconds = dict[str, float]
SETTINGS = Settings()


def ours(samples: list[FoundSample], reference: Path, folder: Path) -> tuple[Seconds, dict[str, int]]:
    """CPU seconds per step. Merging includes decompression, filter and dereplication."""
    seconds: Seconds = {}
    mark = time.process_time()

    def lap(name: str) -> None:
        nonlocal mark
        now = time.process_time()
        seconds[name] = now - mark
        mark = now

    paths = []
    for sample in samples:
        _, sequences = process_sample(sample.files, ("R1", "R2"), True, SETTINGS, folder)
        paths.append(folder / f"{sample.name}.fasta.gz")
        _write_fasta(paths[-1], sequences)
    lap("merge, filter, dereplicate")
    pool = pool_samples(map(Packed.read, paths), paths, SETTINGS.minsize)
    lap("pool")
    kept = unoise(Rows.of(pool), pool.counts, SETTINGS.alpha, 1)
    lap("denoise")
    centroids = Packed.of((pool.sequence(row), int(pool.counts[row])) for row in kept)
    chimeric = chimeras(centroids, 1)
    lap("chimeras")
    features = Packed.of((pool.sequence(row), int(pool.counts[row])) for row in kept[~chimeric])
    counts = map_samples(paths, features, 1)
    lap("map")
    model = train(read_reference(reference, "reference"))
    lap("classifier: index")
    assign(model, [features.sequence(row) for row in range(len(features.counts))], 0.8, 1)
    lap("classifier: assign")
    return seconds, {"features": len(features.counts), "reads in the table": int(counts.sum())}


def vsearch(*arguments: object) -> float:
    """CPU seconds of one vsearch call with one thread."""
    before = os.times()
    command = ["vsearch", *map(str, arguments), "--threads", "1", "--quiet"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def theirs(samples: list[FoundSample], reference: Path, folder: Path) -> tuple[Seconds, dict[str, int]]:
    """The usual chain of vsearch calls with the same parameters."""
    seconds: Seconds = defaultdict(float)
    filtered = folder / "filtered.fa"
    with filtered.open("wb") as everything:
        for sample in samples:
            merged, good = folder / "m.fq", folder / "f.fa"
            one, two = sample.files
            first = "merge, filter, dereplicate"
            seconds[first] += vsearch("--fastq_mergepairs", one, "--reverse", two, "--fastqout", merged)
            limits = ("--fastq_maxee", 1, "--fastq_minlen", 100, "--fastq_maxlen", 600, "--fastq_maxns", 0)
            seconds[first] += vsearch(
                "--fastq_filter", merged, *limits, "--fastaout", good, "--relabel", f"{sample.name}."
            )
            derep = ("--derep_fulllength", good, "--sizeout", "--output", folder / "d.fa")
            seconds[first] += vsearch(*derep, "--relabel", f"{sample.name}.")
            everything.write((folder / "d.fa").read_bytes())
    pool, zotus, asvs, table = (folder / name for name in ("p.fa", "z.fa", "a.fa", "t.tsv"))
    seconds["pool"] = vsearch("--derep_fulllength", filtered, "--sizein", "--sizeout", "--output", pool)
    seconds["denoise"] = vsearch(
        "--cluster_unoise", pool, "--minsize", 8, "--centroids", zotus, "--sizein", "--sizeout"
    )
    seconds["chimeras"] = vsearch("--uchime3_denovo", zotus, "--nonchimeras", asvs, "--sizein", "--sizeout")
    query = ("--usearch_global", filtered, "--db", asvs, "--id", 0.97, "--sizein")
    seconds["map"] = vsearch(*query, "--otutabout", table)
    tagged = folder / "reference.fa"
    whole = read_reference(reference, "reference")
    with tagged.open("wb") as handle:
        for number, (sequence, lineage) in enumerate(zip(whole.sequences, whole.lineages, strict=True)):
            tax = ",".join(f"{letter}:{name or 'x'}" for letter, name in zip("dpcofg", lineage, strict=False))
            handle.write(f">{number};tax={tax.replace(' ', '_')};\n".encode() + sequence + b"\n")
    (nothing := folder / "one.fa").write_text(">x\n" + "ACGT" * 20 + "\n")
    options = ("--db", tagged, "--tabbedout", folder / "s.tsv", "--sintax_cutoff", 0.8)
    seconds["classifier: index"] = vsearch("--sintax", nothing, *options)
    seconds["classifier: assign"] = max(0.0, vsearch("--sintax", asvs, *options) - seconds["classifier: index"])
    lines = [line.split("\t")[1:] for line in table.read_text().splitlines()[1:]]
    return dict(seconds), {
        "features": len(lines),
        "reads in the table": sum(int(cell) for line in lines for cell in line),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=Path, nargs="+", required=True, help="folders of paired reads without primers")
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    samples = [sample for folder in options.reads for sample in find_samples(folder)]
    found: dict[str, list[Seconds]] = {"ours": [], "vsearch": []}
    pairs = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours(
            samples, options.reference, folder
        )  # kernels are loaded from their cache, or compiled, outside the measurement
        for _ in range(options.rounds):
            for program, work in (("ours", ours), ("vsearch", theirs)):
                seconds, counts = work(samples, options.reference, folder)
                found[program].append(seconds)
                print(program, {step: round(value, 3) for step, value in seconds.items()}, counts, file=sys.stderr)
        pairs = sum(process_sample(sample.files, ("R1", "R2"), True, SETTINGS, folder)[0].input for sample in samples)
    report(found, pairs, len(samples))


def report(found: dict[str, list[Seconds]], pairs: int, samples: int) -> None:
    """A table of medians; the last lines are totals."""
    print(f"\n{samples} samples, {pairs} pairs, median CPU seconds of {len(found['ours'])} rounds, one thread\n")
    print(f"| {'step':<28} | {'vsearch':>8} | {'ours':>8} | ratio |\n|---|---|---|---|")
    medians = {
        name: {step: statistics.median(run[step] for run in runs) for step in runs[0]} for name, runs in found.items()
    }
    rows = [(step, medians["vsearch"][step], medians["ours"][step]) for step in medians["ours"]]
    rows.append(("total without taxonomy", *(sum(list(medians[name].values())[:-2]) for name in ("vsearch", "ours"))))
    rows.append(("total", *(sum(medians[name].values()) for name in ("vsearch", "ours"))))
    for step, other, own in rows:
        print(f"| {step:<28} | {other:8.3f} | {own:8.3f} | {other / own if own else 0:5.1f} |")
    first = "merge, filter, dereplicate"
    speed = {name: f"{pairs / steps[first]:,.0f}" for name, steps in medians.items()}
    print(f"\nmerging, pairs per CPU second: vsearch {speed['vsearch']}, ours {speed['ours']}")


if __name__ == "__main__":
    main()

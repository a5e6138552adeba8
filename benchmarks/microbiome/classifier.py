"""Our classifier against vsearch's sintax: held-out sequences of known genera, whole genera held out, and speed."""

import argparse
import random
import resource
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from microbiome.classifier.assign import assign
from microbiome.classifier.lineage import LETTERS
from microbiome.classifier.model import train
from microbiome.classifier.reference import Reference, cut_to_region, read_reference
from microbiome.simulate.taxa import V4_FORWARD, V4_REVERSE

Names = list[tuple[str, ...]]


@dataclass(frozen=True)
class Split:
    """What is trained on, and the two questions; all cut to V4 but `whole`."""

    whole: Reference
    region: Reference
    known: Reference
    novel: Reference


def make_split(reference: Reference, seed: int) -> Split:
    """A tenth of the genera is unknown to the training, and about a tenth of the sequences of the others."""
    chance = random.Random(seed)  # noqa: S311
    rows = [row for row, lineage in enumerate(reference.lineages) if len(lineage) == 6]
    genera = sorted({reference.lineages[row] for row in rows})
    novel = set(chance.sample(genera, len(genera) // 10))
    left = Counter(reference.lineages[row] for row in rows)
    known = set[int]()
    for row in chance.sample(rows, len(rows) // 10):
        lineage = reference.lineages[row]
        if lineage not in novel and left[lineage] > 1:
            left[lineage] -= 1
            known.add(row)

    def part(chosen: list[int]) -> Reference:
        return Reference([reference.sequences[row] for row in chosen], [reference.lineages[row] for row in chosen], 0)

    rest = [row for row, lineage in enumerate(reference.lineages) if row not in known and lineage not in novel]
    strangers = [row for row in rows if reference.lineages[row] in novel]
    cut = [cut_to_region(part(chosen), V4_FORWARD, V4_REVERSE) for chosen in (rest, sorted(known), strangers)]
    return Split(part(rest), cut[0], cut[1], cut[2])


def ours(training: Reference, asked: Reference) -> tuple[Names, float]:
    """Names at 0.8, and CPU seconds without training."""
    model = train(training)
    assign(model, asked.sequences[:8], 0.8, 1)
    started = time.process_time()
    found = [item.names for item in assign(model, asked.sequences, 0.8, 1)]
    return found, time.process_time() - started


def clean(name: str) -> str:
    return (name or "x").replace(",", "_").replace(" ", "_").replace(";", "_")


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def sintax(training: Reference, asked: Reference, folder: Path) -> tuple[Names, float]:
    """The same with sintax; the CPU seconds include its indexing of the reference."""
    with (folder / "db.fa").open("w") as handle:
        for number, (sequence, lineage) in enumerate(zip(training.sequences, training.lineages, strict=True)):
            tax = ",".join(f"{letter}:{clean(name)}" for letter, name in zip(LETTERS, lineage, strict=False))
            handle.write(f">{number};tax={tax};\n{sequence.decode()}\n")
    text = "".join(f">{number}\n{sequence.decode()}\n" for number, sequence in enumerate(asked.sequences))
    (folder / "q.fa").write_text(text)
    started = _children_seconds()
    files = ("--db", folder / "db.fa", "--tabbedout", folder / "out.tsv")
    options = ("--sintax_cutoff", "0.8", "--threads", "1", "--quiet")
    subprocess.run(["vsearch", "--sintax", folder / "q.fa", *files, *options], check=True, stderr=subprocess.DEVNULL)
    seconds = _children_seconds() - started
    found: Names = [()] * len(asked.sequences)
    for line in (folder / "out.tsv").read_text().splitlines():
        cells = line.split("\t")
        names = cells[3].split(",") if len(cells) > 3 and cells[3] else []
        found[int(cells[0])] = tuple(name.partition(":")[2] for name in names)
    return found, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    options = parser.parse_args()
    reference = read_reference(options.reference, str(options.reference))
    print("| seed | trained on | program | known genera right | novel genera named | reads per CPU second |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for seed in options.seeds:
            split = make_split(reference, seed)
            for label, training in (("whole sequences", split.whole), ("V4", split.region)):
                for program in ("ours", "vsearch"):
                    work = ours if program == "ours" else lambda a, b: sintax(a, b, Path(name))
                    (known, seconds), (novel, more) = work(training, split.known), work(training, split.novel)
                    pairs = zip(known, split.known.lineages, strict=True)
                    right = [tuple(map(clean, answer)) == tuple(map(clean, truth)) for answer, truth in pairs]
                    named = [len(names) == 6 for names in novel]
                    speed = (len(known) + len(novel)) / (seconds + more)
                    shares = f"{sum(right) / len(right):.3f} | {sum(named) / len(named):.3f}"
                    print(f"| {seed} | {label} | {program} | {shares} | {speed:,.0f} |", flush=True)


if __name__ == "__main__":
    main()

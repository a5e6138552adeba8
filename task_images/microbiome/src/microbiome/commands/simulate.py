"""simulate: a seeded mock community with truth."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from microbiome.errors import BadInput
from microbiome.outcome import DONE, Outcome
from microbiome.simulate.bad_files import KINDS
from microbiome.simulate.write import Study, write_study

HELP = (
    "write a generated study: reads/, reference.fasta.gz, truth.tsv, metadata.tsv; the same seed gives the same files"
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder to write")
    parser.add_argument("--samples", type=int, default=12, help="good samples (default 12)")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything that is random (default 1)")
    parser.add_argument("--pairs", type=int, default=3000, help="read pairs per sample (default 3000)")
    parser.add_argument("--members", type=int, default=20, help="strains per sample, up to 150 (default 20)")
    parser.add_argument("--abundance", choices=("even", "staggered", "both"), default="both", help="(default both)")
    parser.add_argument("--chimeras", type=float, default=0.05, help="share of chimeric pairs (default 0.05)")
    parser.add_argument("--keep-primers", action="store_true", help="leave 515F/806R on the reads")
    parser.add_argument("--bad", default="", metavar="KIND,...", help=f"add bad samples: {', '.join(KINDS)} or all")


def execute(options: Namespace) -> Outcome:
    bad = tuple(KINDS) if options.bad == "all" else tuple(kind for kind in options.bad.split(",") if kind)
    unknown = sorted(set(bad) - set(KINDS))
    if unknown:
        raise BadInput(f"--bad {','.join(unknown)}: unknown kind; allowed: {', '.join(KINDS)}, all")
    limits = {
        "samples": (1, 100_000),
        "pairs": (25, 10_000_000),
        "members": (1, 150),
        "chimeras": (0, 0.5),
        "seed": (0, 2**63),
    }
    for name, (low, high) in limits.items():
        if not low <= getattr(options, name) <= high:
            raise BadInput(f"--{name} {getattr(options, name)}: allowed {low} to {high}")
    study = Study(
        options.samples, options.seed, options.pairs, options.members, options.abundance, options.chimeras,
        options.keep_primers, bad,
    )  # fmt: skip
    counts = write_study(options.out, study)
    message = f"{counts['samples']} samples with {study.pairs} pairs each, {counts['bad']} bad samples in {options.out}"
    outputs = {name: str(options.out / name) for name in ("reads", "reference.fasta.gz", "truth.tsv", "metadata.tsv")}
    return Outcome("simulate", DONE, message, counts, outputs)

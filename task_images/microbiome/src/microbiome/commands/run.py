"""run: the whole analysis on one machine, with the code and the results of the pipeline."""

from argparse import ArgumentParser, Namespace
from hashlib import sha256
from pathlib import Path

from microbiome.batch import process_items
from microbiome.commands.gather import gather
from microbiome.errors import BadInput
from microbiome.manifest import Item, Manifest
from microbiome.names import FoundSample, find_samples
from microbiome.outcome import Outcome
from microbiome.settings import Settings, parse_settings
from microbiome.stop import scratch_folder

HELP = "analyse a folder of FASTQ files on this machine; the same tables as from the pipeline"
OPTIONS = {
    "forward_primer": "5'-3', IUPAC letters; reads without it are dropped (default: reads carry no primers)",
    "reverse_primer": "5'-3', IUPAC letters",
    "max_ee": "most expected errors in a merged or single read",
    "min_length": "shortest merged or single read, in bases",
    "max_length": "longest merged or single read, in bases",
    "truncate_length": "cut single reads to this length, drop shorter ones (0: do not cut)",
    "minsize": "least reads in all samples together for a sequence to become an ASV",
    "alpha": "UNOISE's alpha: larger values absorb fewer variants",
    "confidence": "least bootstrap support of a taxon; RDP advises 0.5 for reads below 250 bases",
    "metadata": "table of sample metadata (first column: sample names)",
    "truth": "expected composition, see README",
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--reads", required=True, type=Path, metavar="DIR", help="folder of FASTQ files, searched deeply"
    )
    parser.add_argument("--reference", required=True, metavar="FILE", help="FASTA with taxonomy, or a prepared model")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="folder for tables, report and sample results"
    )
    defaults = Settings()
    for name, text in OPTIONS.items():
        default = getattr(defaults, name)
        shown = text if default == "" else f"{text} (default {default})"
        parser.add_argument("--" + name.replace("_", "-"), default=None, metavar="VALUE", help=shown)


def execute(options: Namespace) -> Outcome:
    if not options.reads.is_dir():
        raise BadInput(f"--reads {options.reads}: no such folder")
    if not Path(options.reference).is_file():
        raise BadInput(f"--reference {options.reference}: no such file; give a FASTA with taxonomy or a prepared model")
    found = find_samples(options.reads)
    if not found:
        raise BadInput(f"--reads {options.reads}: no file ends in .fastq, .fq, .fastq.gz or .fq.gz")
    given = {name: getattr(options, name) for name in OPTIONS}
    samples_uri = options.out / "samples"
    settings = parse_settings(given | {"reference": options.reference, "samples_uri": str(samples_uri)}, "run")
    items = tuple(item_of(sample, settings, samples_uri) for sample in found)
    manifest = Manifest(str(options.reads), settings, items, 1)
    print(f"{len(items)} samples in {options.reads}", flush=True)
    with scratch_folder() as scratch:
        process_items(items, settings, scratch)
    return gather(manifest, str(options.out))


def item_of(sample: FoundSample, settings: Settings, folder: Path) -> Item:
    """The result's name holds the files' state and the settings: a second run skips only what would be the same."""
    state = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in sample.files]
    digest = sha256(repr((sample.name, state, settings.of_samples(), sample.problem)).encode()).hexdigest()
    return Item(sample.name, tuple(map(str, sample.files)), str(folder / digest), 0, sample.problem)

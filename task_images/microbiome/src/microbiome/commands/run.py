"""run: the whole analysis on one machine, with the code and the results of the pipeline."""

from argparse import ArgumentParser, Namespace
from hashlib import sha256
from pathlib import Path

from microbiome import __version__
from microbiome.batch import process_items
from microbiome.commands.gather import gather
from microbiome.errors import BadInput
from microbiome.manifest import Item, Manifest
from microbiome.names import FoundSample, find_samples
from microbiome.outcome import Outcome
from microbiome.settings import Settings, parse_settings
from microbiome.sheet import read_sheet
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
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--reads", type=Path, metavar="DIR", help="folder of FASTQ files, searched deeply")
    source.add_argument("--sample-sheet", type=Path, metavar="FILE", help="QIIME 2 manifest or ampliseq sample sheet")
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
    if not Path(options.reference).is_file():
        raise BadInput(f"--reference {options.reference}: no such file; give a FASTA with taxonomy or a prepared model")
    source = options.reads or options.sample_sheet
    found = _samples_of(options.reads) if options.reads else read_sheet(options.sample_sheet)
    if not found:
        raise BadInput(f"{source}: no samples")
    given = {name: getattr(options, name) for name in OPTIONS}
    samples_uri = options.out / "samples"
    settings = parse_settings(given | {"reference": options.reference, "samples_uri": str(samples_uri)}, "run")
    items = tuple(item_of(sample, settings, samples_uri) for sample in found)
    manifest = Manifest(str(source), settings, items, 1)
    print(f"{len(items)} samples in {source}", flush=True)
    with scratch_folder() as scratch:
        process_items(items, settings, scratch)
    return gather(manifest, str(options.out))


def _samples_of(folder: Path) -> list[FoundSample]:
    if not folder.is_dir():
        raise BadInput(f"--reads {folder}: no such folder")
    found = find_samples(folder)
    if not found:
        raise BadInput(f"--reads {folder}: no file ends in .fastq, .fq, .fastq.gz or .fq.gz")
    return found


def item_of(sample: FoundSample, settings: Settings, folder: Path) -> Item:
    """The result's name holds the files' state and the settings: a second run skips only what would be the same."""
    stats = [(path, path.stat()) for path in sample.files if path.exists()]
    state = [(str(path.resolve()), stat.st_size, stat.st_mtime_ns) for path, stat in stats]
    what = (__version__, sample.name, state, settings.of_samples(), sample.problem, sample.layout)
    digest = sha256(repr(what).encode()).hexdigest()
    return Item(sample.name, tuple(map(str, sample.files)), str(folder / digest), 0, sample.problem, sample.layout)

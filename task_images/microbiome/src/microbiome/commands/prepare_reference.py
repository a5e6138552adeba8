"""prepare-reference: cut a reference to the primers' region and train the classifier once."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from microbiome import storage
from microbiome.classifier.model import train
from microbiome.classifier.reference import cut_to_region, read_reference
from microbiome.errors import BadInput
from microbiome.outcome import DONE, Outcome
from microbiome.settings import parse_settings
from microbiome.stop import scratch_folder

HELP = (
    "cut a reference FASTA to the region between two primers and write the compact model for the parameter 'reference'"
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--reference", required=True, metavar="URI", help="FASTA, plain or gzip")
    parser.add_argument("--taxonomy", default="", metavar="FILE", help="table of id and taxon, if headers carry none")
    parser.add_argument("--forward-primer", default="", help="5'-3', IUPAC letters; empty: keep whole sequences")
    parser.add_argument("--reverse-primer", default="", help="5'-3', IUPAC letters")
    parser.add_argument("--output", required=True, metavar="URI", help="model file to write, for example v4.npz")


def execute(options: Namespace) -> Outcome:
    primers = {"forward_primer": options.forward_primer, "reverse_primer": options.reverse_primer}
    settings = parse_settings(primers, "prepare-reference")
    with scratch_folder() as scratch:
        path = storage.fetch(options.reference, scratch)
        reference = read_reference(path, options.reference, Path(options.taxonomy) if options.taxonomy else None)
    whole = len(reference.sequences)
    if settings.forward_primer:
        reference = cut_to_region(reference, settings.forward_primer, settings.reverse_primer)
        if not reference.sequences:
            raise BadInput(f"{options.reference}: none of {whole} sequences has both primers; are they given 5'-3'?")
    model = train(reference)
    storage.write_bytes(options.output, model.to_bytes())
    counts = {"sequences": len(reference.sequences), "skipped": reference.skipped, "lineages": len(model.lineages)}
    message = f"{counts['sequences']} sequences, {counts['lineages']} lineages, {counts['skipped']} entries left out"
    return Outcome("prepare-reference", DONE, message, counts, {"model": options.output})

"""analyze-batch: the samples of one batch of a fan-out manifest."""

from argparse import ArgumentParser, Namespace

from microbiome.array_job import my_batch
from microbiome.batch import process_items
from microbiome.manifest import read_manifest
from microbiome.outcome import BAD_INPUT, DONE, Outcome
from microbiome.stop import scratch_folder

HELP = "merge, filter and count the samples of one batch; bad samples are quarantined, finished ones skipped"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--manifest", required=True, metavar="URI", help="fan-out manifest (JSON), s3:// or a path")
    parser.add_argument(
        "--batch",
        type=int,
        metavar="N",
        help="index of the batch in the manifest; an array job's container knows its own",
    )


def execute(options: Namespace) -> Outcome:
    manifest = read_manifest(options.manifest)
    batch = my_batch() if options.batch is None else options.batch
    items = manifest.batch(batch)
    print(f"batch {batch}: {len(items)} samples", flush=True)
    with scratch_folder() as scratch:
        finished = process_items(items, manifest.settings, scratch)
    good = sum(progress.ok for progress in finished)
    skipped = sum(progress.skipped for progress in finished)
    counts = {"samples": len(items), "ok": good, "quarantined": len(items) - good, "skipped": skipped}
    message = f"batch {batch}: {good} of {len(items)} samples ok, {len(items) - good} quarantined"
    return Outcome(
        "analyze-batch", DONE if good else BAD_INPUT, message, counts, {item.key: item.result for item in items}
    )

"""warm-up: compile every kernel into numba's cache, so that no container has to."""

import os
import shutil
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from microbiome.batch import process_items
from microbiome.commands.gather import gather
from microbiome.commands.run import item_of
from microbiome.manifest import Manifest
from microbiome.names import FoundSample, find_samples
from microbiome.outcome import DONE, Outcome
from microbiome.settings import parse_settings
from microbiome.simulate.taxa import V4_FORWARD, V4_REVERSE
from microbiome.simulate.write import Study, write_study
from microbiome.stop import scratch_folder

HELP = "compile all kernels into numba's cache by running a tiny generated study (image build, make)"


def add_arguments(parser: ArgumentParser) -> None:
    """No options."""


def execute(options: Namespace) -> Outcome:
    started = time.perf_counter()
    with scratch_folder() as scratch:
        write_study(scratch, Study(samples=2, seed=1, pairs=400, members=4, keep_primers=True))
        _analyse(scratch)
    _forget_older_kernels()
    seconds = time.perf_counter() - started
    return Outcome("warm-up", DONE, f"kernels compiled in {seconds:.1f} s", {"seconds": round(seconds, 1)})


def _forget_older_kernels() -> None:
    """Remove the cache folders of earlier versions beside the one in use."""
    current = Path(os.environ.get("NUMBA_CACHE_DIR", ""))
    if current.name.startswith("kernels-"):
        for folder in current.parent.glob("kernels-*"):
            if folder != current:
                shutil.rmtree(folder, ignore_errors=True)


def _analyse(scratch: Path) -> None:
    given = {
        "forward_primer": V4_FORWARD,
        "reverse_primer": V4_REVERSE,
        "reference": str(scratch / "reference.fasta.gz"),
    }
    settings = parse_settings(given | {"samples_uri": str(scratch / "samples")}, "warm-up")
    pairs = find_samples(scratch / "reads")
    found = [*pairs, FoundSample("single", pairs[0].files[:1])]
    items = tuple(item_of(sample, settings, scratch / "samples") for sample in found)
    process_items(items, settings, scratch)
    gather(Manifest("warm-up", settings, items, 1), str(scratch / "out"))

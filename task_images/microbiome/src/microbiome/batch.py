"""Process a list of samples: each one alone, its result written once, bad ones quarantined."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from microbiome import results, storage
from microbiome.errors import BadSample
from microbiome.machine import cpu_count
from microbiome.manifest import Item
from microbiome.names import shown
from microbiome.sample import process_sample
from microbiome.settings import Settings


@dataclass(frozen=True)
class Progress:
    """One finished sample. `skipped`: an earlier run had written its result already."""

    key: str
    ok: bool
    skipped: bool
    line: str


def process_items(items: Sequence[Item], settings: Settings, scratch: Path) -> list[Progress]:
    """Process all items, as many at a time as there are CPUs; prints a line for each. Memory: one sample per CPU."""
    finished = []
    with ThreadPoolExecutor(min(cpu_count(), len(items))) as pool:
        tasks = [pool.submit(process_item, item, settings, scratch) for item in items]
        try:
            for number, task in enumerate(as_completed(tasks), start=1):
                progress = task.result()
                finished.append(progress)
                print(f"[{number}/{len(items)}] {shown(progress.line)}", flush=True)
        except BaseException:
            # The first unexpected error ends the batch; finished samples keep their results for the retry.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return finished


def process_item(item: Item, settings: Settings, scratch: Path) -> Progress:
    """One sample from its URIs to its result."""
    try:
        before = results.read_status(item, settings)
        return Progress(item.key, before.status == results.OK, True, f"{item.key}: already done ({before.status})")
    except storage.Missing:
        pass  # the normal case: nobody has processed this sample yet
    started = time.perf_counter()
    with TemporaryDirectory(dir=scratch) as folder:
        try:
            line = _process(item, settings, Path(folder))
        except BadSample as problem:
            results.write_quarantined(item, settings, problem)
            return Progress(item.key, False, False, f"{item.key}: QUARANTINED: {problem}")
    return Progress(item.key, True, False, f"{item.key}: {line}, {time.perf_counter() - started:.2f} s")


def _process(item: Item, settings: Settings, folder: Path) -> str:
    if item.problem:
        raise BadSample(item.files[0] if item.files else "", 0, item.problem)
    paths = []
    for uri in item.files:
        try:
            paths.append(storage.fetch(uri, folder))
        except storage.Missing:
            raise BadSample(uri, 0, "the file does not exist") from None
    reads, sequences = process_sample(tuple(paths), item.files, item.is_paired, settings, folder)
    unique = results.write_ok(item, settings, reads, sequences, folder)
    unit = "pairs" if item.is_paired else "reads"
    return f"{reads.input} {unit}, {reads.fates['kept']} kept, {unique} different"

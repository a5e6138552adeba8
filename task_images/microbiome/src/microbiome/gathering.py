"""From the samples' results to the pooled analysis: check that all is there, pool, denoise, map, classify."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from microbiome import results, storage
from microbiome.analysis import Analysis, Feature
from microbiome.classifier.assign import assign
from microbiome.classifier.direction import run_backwards
from microbiome.classifier.model import Model
from microbiome.denoise import denoise
from microbiome.errors import BadInput
from microbiome.manifest import Item, Manifest
from microbiome.mapping import map_samples
from microbiome.pool import pool_samples
from microbiome.progress import progress
from microbiome.results import OK, QUARANTINED, Packed, SampleResult

# Objects are small and S3 answers in 20-50 ms: many requests at a time, whatever the CPUs.
REQUESTS = 16
NAMED_IN_ERROR = 20


class Stopwatch:
    """Seconds per step, printed as they come."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)
        print(f"{name}: {self.seconds[name]:.2f} s", flush=True)


def collect(manifest: Manifest, allow_missing: bool) -> list[SampleResult]:
    """Every sample's status, sorted by name. Results that are missing are an error that names them."""
    duplicates = manifest.duplicates()

    def status(item: Item) -> SampleResult:
        try:
            found = results.read_status(item, manifest.settings)
        except storage.Missing:
            return SampleResult(item.key, "missing", {}, reason="no result: its batch did not finish")
        _check_reads(found, item)
        return found

    with ThreadPoolExecutor(REQUESTS) as pool:
        found = dict(zip(manifest.items, pool.map(status, manifest.items), strict=True))
    missing = sorted(item.key for item, result in found.items() if result.status == "missing")
    if missing and not allow_missing:
        named = ", ".join(missing[:NAMED_IN_ERROR]) + (", ..." if len(missing) > NAMED_IN_ERROR else "")
        raise BadInput(
            f"{manifest.uri}: {len(missing)} of {len(found)} samples have no result: {named}; run their batches"
        )
    unique = {item.key: result for item, result in found.items()}
    for key in duplicates:
        unique[key] = SampleResult(key, QUARANTINED, {}, reason="duplicate sample name in the manifest")
    return [unique[key] for key in sorted(unique)]


def _check_reads(result: SampleResult, item: Item) -> None:
    """Reads in = reads out + reads accounted for."""
    counts = dict(result.reads)
    total = counts.pop("input", 0)
    if result.status == OK and total != sum(counts.values()):
        raise BadInput(f"{item.result}.json: {total} reads in, but {sum(counts.values())} accounted for: {counts}")


def fetch_sequences(items: Sequence[Item], folder: Path) -> list[Path]:
    """The data objects of the good samples as local files, in the order of `items`."""
    with ThreadPoolExecutor(REQUESTS) as pool:
        return list(pool.map(lambda item: storage.fetch(results.data_uri(item), folder), items))


def checked(samples: Sequence[SampleResult], paths: Sequence[Path]) -> Iterator[Packed]:
    """The sequences of each sample, which must add up to the reads that its status document promises."""
    for sample, path in progress(zip(samples, paths, strict=True), "pool", len(samples)):
        sequences = Packed.read(path)
        found = int(sequences.counts.sum())
        if found != sample.reads["kept"]:
            raise BadInput(f"sample {sample.key!r}: {sample.reads['kept']} reads kept, but its sequences hold {found}")
        yield sequences


def analyse(
    manifest: Manifest, statuses: list[SampleResult], model: Model, scratch: Path, watch: Stopwatch
) -> Analysis:
    """The pooled analysis of all good samples. The result depends on neither batches, order nor threads."""
    settings = manifest.settings
    items = {item.key: item for item in manifest.items}
    good = sum(result.status == OK for result in statuses)
    empty = Analysis(settings, statuses, [], np.zeros((0, good), np.int64), 0)
    with watch.step("fetch"):
        paths = fetch_sequences([items[sample.key] for sample in empty.samples], scratch)
    with watch.step("pool"):
        pool = pool_samples(checked(empty.samples, paths), paths, settings.minsize)
    with watch.step("denoise"):
        found = denoise(pool, settings.alpha)
        features = Packed.of((pool.sequence(row), int(pool.counts[row])) for row in found.features)
    with watch.step("map"):
        counts = map_samples(paths, features)
    with watch.step("classify"):
        sequences = [features.sequence(index) for index in range(len(features.counts))]
        assignments = assign(model, sequences, settings.confidence) if sequences else []
        backwards = map(bool, run_backwards(model, sequences, assignments))
    named = [Feature(*of_feature) for of_feature in zip(sequences, assignments, backwards, strict=True)]
    return replace(empty, features=named, counts=counts, chimeras=len(found.centroids) - len(found.features))

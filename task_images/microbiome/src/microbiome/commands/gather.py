"""gather: one analysis from all samples of a manifest, with tables and report."""

import json
import platform
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from typing import Any

import numba
import numpy as np

from microbiome import __version__, storage
from microbiome.analysis import Analysis
from microbiome.classifier.load import load_model
from microbiome.gathering import Stopwatch, analyse, collect
from microbiome.manifest import Manifest, read_manifest
from microbiome.metadata import read_metadata
from microbiome.metrics import print_sample_metrics
from microbiome.outcome import BAD_INPUT, DONE, Outcome
from microbiome.report.build import ReportFacts, build_report
from microbiome.settings import parse_settings
from microbiome.stop import scratch_folder
from microbiome.tables import diversity
from microbiome.tables.write import all_tables
from microbiome.truth import Comparison, compare, read_expected

HELP = "pool all samples of a manifest: denoise, remove chimeras, map, classify; write tables and report"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--manifest", required=True, metavar="URI", help="fan-out manifest (JSON), s3:// or a path")
    parser.add_argument("--output", required=True, metavar="URI", help="folder or prefix for tables and report")
    parser.add_argument("--truth", default=None, metavar="URI", help="expected composition (overrides the manifest's)")
    parser.add_argument("--metadata", default=None, metavar="URI", help="sample metadata (overrides the manifest's)")
    parser.add_argument("--facts", default="", metavar="URI", help="JSON object of run facts to show, such as the cost")
    parser.add_argument("--allow-missing", action="store_true", help="go on without samples that have no result")


def execute(options: Namespace) -> Outcome:
    manifest = read_manifest(options.manifest)
    given = manifest.settings.as_dict()
    given |= {name: value for name in ("truth", "metadata") if (value := getattr(options, name)) is not None}
    manifest = replace(manifest, settings=parse_settings(given, options.manifest))
    return gather(manifest, options.output, options.facts, options.allow_missing)


def gather(manifest: Manifest, output: str, facts_uri: str = "", allow_missing: bool = False) -> Outcome:
    """The whole step; also used by `run`. Exit code 2 if no sample is good, after quarantine.tsv has been written."""
    watch, settings = Stopwatch(), manifest.settings
    metadata = read_metadata(settings.metadata)
    expected = read_expected(storage.read_bytes(settings.truth), settings.truth) if settings.truth else None
    extra = json.loads(storage.read_bytes(facts_uri)) if facts_uri else {}
    with scratch_folder() as scratch:
        with watch.step("status"):
            statuses = collect(manifest, allow_missing)
        with watch.step("reference"):
            model, fingerprint = load_model(settings, scratch)
        analysis = analyse(manifest, statuses, model, scratch, watch)
    truth = compare(analysis, expected) if expected else None
    with watch.step("tables"):
        distances, found = _between_samples(analysis)
        outputs = {name: _write(output, name, content) for name, content in all_tables(analysis, distances, found)}
    facts = ReportFacts(metadata, truth, found, versions(fingerprint), watch.seconds, manifest.batches, extra)
    outputs["report.html"] = _write(output, "report.html", build_report(analysis, facts))
    summary = summarize(analysis, truth, facts)
    text = json.dumps(summary, indent=1, ensure_ascii=False).encode(errors="backslashreplace")
    outputs["summary.json"] = _write(output, "summary.json", text)
    message = (
        f"{summary['samples_ok']} of {summary['samples']} samples ok, {summary['samples_quarantined']} quarantined,"
        f" {summary['asvs']} ASVs, {summary['reads_kept']} of {summary['reads_in']} reads kept"
    )
    if analysis.samples and not analysis.features:
        message += f"; no sequence occurs {settings.minsize} times in all samples together (minsize)"
    if summary["backward_samples"]:
        message += (
            f"; WARNING: reads of {len(summary['backward_samples'])} samples run against the reference (reverse"
            " complements) and stay mostly unnamed: bring all reads into one direction first (summary.json,"
            " backward_samples)"
        )
    print_sample_metrics(summary["samples"], summary["samples_quarantined"])
    counts = {key: value for key, value in summary.items() if isinstance(value, int)}
    return Outcome("gather", DONE if analysis.samples else BAD_INPUT, message, counts, outputs)


def _between_samples(analysis: Analysis) -> tuple[np.ndarray | None, diversity.Ordination | None]:
    """Distances and ordination, unless there are too many samples for all pairs (said in the log)."""
    if len(analysis.samples) > diversity.MOST_SAMPLES_FOR_PAIRS:
        print(f"no distances: more than {diversity.MOST_SAMPLES_FOR_PAIRS} samples", flush=True)
        return None, None
    distances = diversity.bray_curtis(analysis.shares())
    return distances, diversity.principal_coordinates(distances)


def _write(output: str, name: str, content: bytes) -> str:
    uri = f"{output.rstrip('/')}/{name}"
    storage.write_bytes(uri, content)
    return uri


def versions(fingerprint: str) -> dict[str, str]:
    return {
        "tasklane-microbiome": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "reference (sha256)": fingerprint,
    }


def summarize(analysis: Analysis, truth: Comparison | None, facts: ReportFacts) -> dict[str, Any]:
    """The numbers a caller needs; reads_kept are the reads that are counted in the feature table."""
    return {
        "samples": len(analysis.results),
        "samples_ok": len(analysis.samples),
        "samples_quarantined": len(analysis.quarantined),
        "quarantined": {result.key: result.reason for result in analysis.quarantined},
        "backward_samples": analysis.backward_samples(),
        "asvs": len(analysis.features),
        "chimeras": analysis.chimeras,
        "reads_in": sum(sample.reads["input"] for sample in analysis.samples),
        "reads_filtered": sum(sample.reads["kept"] for sample in analysis.samples),
        "reads_kept": int(analysis.counts.sum()),
        "batches": facts.batches,
        "truth": truth.as_dict() if truth else None,
        "seconds": facts.seconds,
        "versions": facts.versions,
        "parameters": analysis.settings.as_dict(),
    }

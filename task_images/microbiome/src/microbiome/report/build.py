"""Put data, style and script into one HTML file."""

import json
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from microbiome.analysis import Analysis
from microbiome.metadata import Metadata
from microbiome.report import data
from microbiome.report.methods import methods_text
from microbiome.tables.diversity import Ordination
from microbiome.truth import Comparison

SCRIPTS = ("charts.js", "bars.js", "points.js", "report.js")


@dataclass(frozen=True)
class ReportFacts:
    """What the report shows besides the analysis. `extra` are facts of the caller (label: value), such as the cost."""

    metadata: Metadata
    truth: Comparison | None
    ordination: Ordination | None
    versions: dict[str, str]
    seconds: dict[str, float]
    batches: int
    extra: dict[str, Any] = field(default_factory=dict)


def build_report(analysis: Analysis, facts: ReportFacts) -> bytes:
    content = {
        "overview": data.overview(analysis, facts.batches, facts.seconds),
        "facts": facts.extra,
        "samples": analysis.names,
        "steps": data.read_steps(analysis),
        "levels": data.compositions(analysis),
        "alpha": data.alpha_rows(analysis),
        "rarefaction": data.rarefaction_curves(analysis),
        "pcoa": data.points(facts.ordination),
        "metadata": {"columns": facts.metadata.columns, "values": facts.metadata.values},
        "quarantine": [[item.key, item.file, item.record or "", item.reason] for item in analysis.quarantined],
        "truth": facts.truth.as_dict() if facts.truth else None,
        "methods": methods_text(analysis.settings),
        "parameters": analysis.settings.as_dict(),
        "versions": facts.versions,
        "seconds": facts.seconds,
    }
    assets = files("microbiome.report") / "assets"
    # "<" as an escape: no sample name can end the script element.
    embedded = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    page = (assets / "template.html").read_text("utf-8")
    page = page.replace("/*STYLE*/", (assets / "report.css").read_text("utf-8"))
    page = page.replace("/*SCRIPT*/", "\n".join((assets / name).read_text("utf-8") for name in SCRIPTS))
    return page.replace("/*DATA*/", embedded).encode(errors="backslashreplace")

"""The tables in the forms that others read, and the diversity numbers against their definitions."""

import hashlib
import itertools
import json
import math
from pathlib import Path

import biom
import numpy as np
import pytest

from microbiome.analysis import Analysis, Feature
from microbiome.classifier.assign import Assignment
from microbiome.metadata import Metadata
from microbiome.report.build import ReportFacts, build_report
from microbiome.report.data import short_name
from microbiome.results import OK, QUARANTINED, SampleResult
from microbiome.settings import Settings
from microbiome.tables import diversity, text
from microbiome.tables.biom import biom_bytes
from microbiome.truth import compare, read_expected

FATES = {"no_primer": 0, "not_merged": 1, "ambiguous": 0, "too_short": 0, "too_long": 0, "low_quality": 2}
LINEAGE = ("Bacteria", "Firmicutes", "Bacilli", "Lactobacillales", "Lactobacillaceae", "Lactobacillus")


@pytest.fixture
def analysis() -> Analysis:
    results = [
        SampleResult("<b>a</b>", OK, {"input": 103, "kept": 100, **FATES}, 5),
        SampleResult("bad", QUARANTINED, {}, file="f.gz", record=3, reason="broken"),
        SampleResult("β", OK, {"input": 53, "kept": 50, **FATES}, 5),
    ]
    features = [
        Feature(b"ACGT" * 10, Assignment(LINEAGE, 1.0)),
        Feature(b"TTGA" * 10, Assignment(LINEAGE[:3], 0.91)),
        Feature(b"GGGA" * 10, Assignment((), 0.0)),
    ]
    return Analysis(Settings(), results, features, np.array([[60, 0], [30, 45], [5, 0]]), 2)


def empty() -> Analysis:
    return Analysis(Settings(), [SampleResult("bad", QUARANTINED, {}, reason="x")], [], np.zeros((0, 0), np.int64), 0)


def test_biom_file_loads(analysis: Analysis, tmp_path: Path) -> None:
    (tmp_path / "t.biom").write_bytes(biom_bytes(analysis))
    table = biom.load_table(str(tmp_path / "t.biom"))
    assert table.matrix_data.toarray().tolist() == analysis.counts.tolist()
    assert table.ids().tolist() == ["<b>a</b>", "β"]
    assert table.ids("observation").tolist() == [feature.id for feature in analysis.features]
    assert table.metadata(analysis.features[1].id, "observation")["taxonomy"][:4] == [
        "d__Bacteria", "p__Firmicutes", "c__Bacilli", "o__",
    ]  # fmt: skip
    assert biom_bytes(analysis) == biom_bytes(analysis)


def test_empty_tables_are_still_tables(tmp_path: Path) -> None:
    (tmp_path / "t.biom").write_bytes(biom_bytes(empty()))
    assert biom.load_table(str(tmp_path / "t.biom")).shape == (0, 0)
    assert text.taxonomy(empty()) == "Feature ID\tTaxon\tConfidence\n"


def test_feature_table_is_what_biom_writes_and_reads(analysis: Analysis) -> None:
    table = biom.Table.from_tsv(text.feature_table(analysis).splitlines(), None, None, None)
    assert table.matrix_data.toarray().tolist() == analysis.counts.tolist()


def test_taxonomy_in_qiimes_form(analysis: Analysis) -> None:
    lines = text.taxonomy(analysis).splitlines()
    assert lines[0] == "Feature ID\tTaxon\tConfidence"
    assert lines[2].split("\t")[1:] == ["d__Bacteria; p__Firmicutes; c__Bacilli", "0.910000"]
    assert lines[3].split("\t")[1:] == ["Unassigned", "0.000000"]
    assert text.sequences(analysis).startswith(">" + analysis.features[0].id + "\nACGT")
    assert analysis.features[0].id == hashlib.md5(b"ACGT" * 10).hexdigest()  # noqa: S324


def test_rank_tables_add_up(analysis: Analysis) -> None:
    absolute, relative = text.rank_tables(analysis, 6)
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in absolute.splitlines()[1:]}
    assert rows["d__Bacteria;p__Firmicutes;c__Bacilli;o__;f__;g__"] == ["30", "45"]
    assert rows["Unassigned;__;__;__;__;__"] == ["5", "0"]
    sums = np.array([[float(cell) for cell in line.split("\t")[1:]] for line in relative.splitlines()[1:]]).sum(axis=0)
    assert sums == pytest.approx([1, 1])
    phyla = text.rank_tables(analysis, 2)[0].splitlines()
    assert phyla[1].split("\t") == ["Unassigned;__", "5", "0"]
    assert phyla[2].split("\t") == ["d__Bacteria;p__Firmicutes", "90", "45"]


def test_alpha_diversity() -> None:
    found = diversity.alpha(np.array([10, 10, 0, 10, 10]))
    assert (found.reads, found.observed, found.shannon, found.pielou) == (40, 4, 2.0, 1.0)
    assert diversity.alpha(np.array([0, 0])) == diversity.Alpha(0, 0, 0.0, 0.0)
    assert diversity.alpha(np.array([7])) == diversity.Alpha(7, 1, 0.0, 0.0)


def test_rarefaction_is_the_mean_over_all_draws() -> None:
    column = np.array([4, 2, 1, 0])
    reads = [0] * 4 + [1] * 2 + [2]
    curve = dict(diversity.rarefaction(column, steps=7))
    assert max(curve) == 7
    for depth, expected in curve.items():
        draws = [len(set(draw)) for draw in itertools.combinations(reads, depth)]
        assert expected == pytest.approx(sum(draws) / len(draws))


def test_bray_curtis_and_ordination() -> None:
    shares = np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.5, 1.0]])
    distances = diversity.bray_curtis(shares)
    assert distances.tolist() == [[0, 0.5, 1], [0.5, 0, 0.5], [1, 0.5, 0]]
    found = diversity.principal_coordinates(distances)
    # These three points lie on a line: one axis holds everything and gives the distances back.
    assert found.explained == pytest.approx([1.0])
    assert [math.dist(found.coordinates[0], found.coordinates[other]) for other in (1, 2)] == pytest.approx([0.5, 1.0])


def test_report_stands_alone_and_shows_names_as_text(analysis: Analysis) -> None:
    distances = diversity.bray_curtis(analysis.shares())
    facts = ReportFacts(
        Metadata(), None, diversity.principal_coordinates(distances), {"x": "1"}, {"map": 1.0}, 2, {"Cost": "0.02 USD"}
    )
    page = build_report(analysis, facts).decode()
    assert "http://www.w3.org/2000/svg" in page
    assert not [word for word in ('src="', "@import", "<link", "fetch(", "https://") if word in page]
    assert "<b>a</b>" not in page
    assert "\\u003cb>a\\u003c/b>" in page
    embedded = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    assert embedded["samples"] == ["<b>a</b>", "β"]
    assert embedded["facts"] == {"Cost": "0.02 USD"}
    assert embedded["quarantine"] == [["bad", "f.gz", 3, "broken"]]
    assert [level["rank"] for level in embedded["levels"].values()] == ["phylum", "class", "order", "family", "genus"]
    assert not [mark for mark in ("/*DATA*/", "/*STYLE*/", "/*SCRIPT*/") if mark in page]
    assert build_report(empty(), ReportFacts(Metadata(), None, None, {}, {}, 1))


def test_short_names() -> None:
    assert short_name("d__Bacteria;p__Firmicutes") == "Firmicutes"
    assert short_name("d__Bacteria;p__Firmicutes;c__") == "unnamed Firmicutes"
    assert short_name("Unassigned;__") == "Unassigned"


def test_comparison_by_sequence_and_by_taxon(analysis: Analysis) -> None:
    rows = [("β", "TTGA" * 10, "0.5"), ("β", "CCCC" * 10, "0.5")]
    table = "sample-id\tsequence\tabundance\n" + "".join("\t".join(row) + "\n" for row in rows)
    found = compare(analysis, read_expected(table.encode(), "t"))
    assert found is not None
    assert (found.samples, found.expected, found.found, found.false, found.bray_curtis) == (1, 2, 1, 0, 0.5)
    assert found.missing_members == ["CCCC" * 10]
    fasta = compare(analysis, read_expected(b">x\nAA" + b"ACGT" * 10 + b"\nTT\n", "t"))
    assert fasta is not None
    assert (fasta.samples, fasta.found, fasta.false, fasta.bray_curtis) == (2, 1, 2, None)
    taxa = b"Taxonomy\t\xce\xb2\tother\nk__Bacteria; p__Firmicutes; c__Bacilli; o__; f__; g__\t1.0\t0.0\n"
    wide = compare(analysis, read_expected(taxa, "t"))
    assert wide is not None
    assert (wide.found, wide.false, wide.bray_curtis) == (1, 0, 0.0)
    assert compare(analysis, read_expected(b"sample-id\ttaxon\tabundance\nz\td__A\t1\n", "t")) is None


def test_mockrobiota_compositions_are_understood(data: Path) -> None:
    for path in sorted((data / "mockrobiota").rglob("expected-taxonomy.tsv")):
        expected = read_expected(path.read_bytes(), str(path))
        assert all(sum(shares.values()) == pytest.approx(1) for shares in expected.shares.values())

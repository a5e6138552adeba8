"""Taxonomy: header conventions, training, assignments that depend on nothing but the sequence."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import summary_of

from microbiome.classifier.assign import assign
from microbiome.classifier.direction import COMPLEMENT, run_backwards
from microbiome.classifier.lineage import NoLineage, parse_header, write_taxon
from microbiome.classifier.model import UNIT, Model, train
from microbiome.classifier.reference import Reference, cut_to_region, read_reference
from microbiome.errors import BadInput
from microbiome.simulate.taxa import V4_FORWARD, V4_REVERSE, amplicon, make_strains
from microbiome.simulate.write import Study, write_study

LINEAGE = ("Bacteria", "Firmicutes", "Bacilli", "Lactobacillales", "Lactobacillaceae", "Lactobacillus")
Command = Callable[..., tuple[int, str]]


@pytest.mark.parametrize(
    "header",
    [
        "Bacteria;Firmicutes;Bacilli;Lactobacillales;Lactobacillaceae;Lactobacillus;",
        "RS_GCF_1 d__Bacteria;p__Firmicutes;c__Bacilli;o__Lactobacillales;f__Lactobacillaceae;g__Lactobacillus;s__x y"
        " [location=1..2] [ssu_len=3]",
        "1111561 k__Bacteria; p__Firmicutes; c__Bacilli; o__Lactobacillales; f__Lactobacillaceae; g__Lactobacillus;",
        "AB00.1.1400 Bacteria;Firmicutes;Bacilli;Lactobacillales;Lactobacillaceae;Lactobacillus;Lactobacillus gasseri",
        "S000 L. gasseri\tLineage=Root;rootrank;Bacteria;domain;Firmicutes;phylum;Bacilli;class;Lactobacillales;order;"
        "Lactobacillineae;suborder;Lactobacillaceae;family;Lactobacillus;genus",
        "AB1\tRoot;Bacteria;Firmicutes;Bacilli;Lactobacillales;Lactobacillaceae;Lactobacillus",
        "AB1;tax=d:Bacteria,p:Firmicutes,c:Bacilli,o:Lactobacillales,f:Lactobacillaceae,g:Lactobacillus,s:gasseri;",
    ],
    ids=["DADA2", "GTDB", "Greengenes", "SILVA", "RDP", "RDP classifier", "sintax"],
)
def test_header_conventions(header: str) -> None:
    assert parse_header(header) == LINEAGE


def test_unnamed_ranks() -> None:
    assert parse_header("1 k__Bacteria; p__Firmicutes; c__; o__; f__; g__; s__") == ("Bacteria", "Firmicutes")
    assert parse_header("1 d__Bacteria;p__;c__Bacilli") == ("Bacteria", "", "Bacilli")
    assert parse_header("1 Bacteria;Firmicutes;uncultured") == ("Bacteria", "Firmicutes")
    assert write_taxon(("Bacteria", "", "Bacilli")) == "d__Bacteria; p__; c__Bacilli"
    assert write_taxon(()) == "Unassigned"
    with pytest.raises(NoLineage):
        parse_header("NR_113957.1 Staphylococcus aureus")


@pytest.fixture(scope="module")
def reference() -> Reference:
    strains = make_strains(np.random.default_rng(4))
    lineages = [strain.lineage for strain in strains]
    return Reference([strain.sequence.encode() for strain in strains], lineages, 0)


@pytest.fixture(scope="module")
def queries(reference: Reference) -> list[bytes]:
    return [amplicon(sequence.decode()).encode() for sequence in reference.sequences]


def test_training_is_wangs_formula() -> None:
    model = train(Reference([b"ACGTACGTA", b"ACGTACGTT", b"TTTTTTTTT"], [("A",), ("A",), ("B",)], 0))
    assert model.lineages == [("A",), ("B",)]
    word = int("".join(str("ACGT".index(letter)) for letter in "ACGTACGT"), 4)
    (entry,) = range(model.starts[word], model.starts[word + 1])
    prior = 2.5 / 4
    assert model.columns[entry] == 0
    assert model.weights[entry] == round(np.log((2 + prior) / prior) * UNIT)
    assert model.sizes.tolist() == [round(np.log(3) * UNIT), round(np.log(2) * UNIT)]


def test_known_sequences_get_their_names(reference: Reference, queries: list[bytes]) -> None:
    found = assign(train(reference), queries, 0.8)
    assert [item.names for item in found] == reference.lineages
    assert min(item.confidence for item in found) >= 0.8


def test_assignment_depends_on_the_sequence_only(reference: Reference, queries: list[bytes]) -> None:
    model = train(reference)
    noisy = [query[:120] + other[120:] for query, other in zip(queries, queries[7:], strict=False)]
    expected = assign(model, noisy, 0.5, threads=1)
    assert len({item.confidence for item in expected}) > 5
    assert assign(model, noisy[::-1], 0.5, threads=3)[::-1] == expected
    assert [assign(model, [query], 0.5)[0] for query in noisy[:9]] == expected[:9]


def test_what_resembles_nothing_stays_unassigned(reference: Reference) -> None:
    random = bytes(np.random.default_rng(1).choice(np.frombuffer(b"ACGT", np.uint8), 250))
    found = assign(train(reference), [random, b"ACGT", b"N" * 100], 0.8)
    assert len(found[0].names) < 3
    assert [(item.names, item.confidence) for item in found[1:]] == [((), 0.0)] * 2


def changed(sequence: bytes, every: int) -> bytes:
    """Another base at every n-th place."""
    letters = bytearray(sequence)
    for place in range(0, len(letters), every):
        letters[place] = b"ACGT"[(b"ACGT".index(letters[place]) + 1) % 4]
    return bytes(letters)


def test_a_genus_is_named_only_if_the_sequence_is_near_enough(reference: Reference, queries: list[bytes]) -> None:
    model = train(Reference(queries[::20], reference.lineages[::20], 0))
    near, far = changed(queries[20], 40), changed(queries[20], 14)
    for query, ranks in ((near, 6), (far, 5)):
        (found,) = assign(model, [query], 0.8)
        assert found.names == reference.lineages[20][:ranks]
        assert found.confidence >= 0.8


def test_reverse_complements_are_told_from_strangers(reference: Reference, queries: list[bytes]) -> None:
    model = train(reference)
    random = bytes(np.random.default_rng(1).choice(np.frombuffer(b"ACGT", np.uint8), 250))
    turned = queries[3].translate(COMPLEMENT)[::-1]
    asked = [queries[3], turned, changed(queries[3], 14), changed(turned, 14), random, b"N" * 100]
    assert run_backwards(model, asked, assign(model, asked, 0.8)).tolist() == [False, True, False, True, False, False]


def test_gather_warns_of_reads_in_the_other_direction(study: Path, tmp_path: Path, command: Command) -> None:
    (tmp_path / "reads").mkdir()
    for path in (study / "reads").glob("sim*"):
        turned = path.name.startswith("sim001")  # R1 and R2 in each other's place: the merged read is turned around
        name = (
            path.name.replace("_R1_", "_R0_").replace("_R2_", "_R1_").replace("_R0_", "_R2_") if turned else path.name
        )
        (tmp_path / "reads" / name).symlink_to(path)
    arguments = ("--reads", tmp_path / "reads", "--reference", study / "reference.fasta.gz", "--out", tmp_path / "out")
    code, output = command("run", *arguments)
    found = summary_of(tmp_path / "out")["backward_samples"]
    assert (code, list(found), "WARNING: reads of 1 samples run against the reference" in output) == (
        0,
        ["sim001"],
        True,
    )
    assert found["sim001"] > 0.95


def test_model_file(reference: Reference, queries: list[bytes]) -> None:
    model = train(reference)
    again = Model.from_bytes(model.to_bytes(), "model")
    assert assign(again, queries[:20], 0.8) == assign(model, queries[:20], 0.8)
    assert model.to_bytes() == train(reference).to_bytes()
    with pytest.raises(BadInput, match="not a model"):
        Model.from_bytes(b"PK\x03\x04 no", "x.npz")


def test_cut_to_region(reference: Reference, queries: list[bytes]) -> None:
    cut = cut_to_region(reference, V4_FORWARD, V4_REVERSE)
    assert cut.sequences == [query[len(V4_FORWARD) : -len(V4_REVERSE)] for query in queries]


def test_reference_file_in_any_shape(tmp_path: Path) -> None:
    path = tmp_path / "r.fa"
    path.write_bytes(
        b">a d__A;p__B\r\nacgu-acgu\r\nACGTACGTACGTACGTACGTACGTACGT\r\n>b d__A\nACGT\n>c d__;p__\n" + b"A" * 40
    )
    found = read_reference(path, "r.fa")
    assert (found.sequences, found.lineages, found.skipped) == ([b"ACGTACGT" + b"ACGT" * 7], [("A", "B")], 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b">NR_1 Staphylococcus aureus\n" + b"A" * 50,
            "entry 1 '>NR_1 Staphylococcus aureus' has no taxonomy; understood are",
        ),
        (b"@r1\nACGT\n+\nIIII\n", "not a FASTA file"),
        (b"", "no usable sequence"),
    ],
)
def test_reference_errors_say_what_is_understood(
    tmp_path: Path, command: Command, content: bytes, message: str
) -> None:
    path = tmp_path / "r.fa.gz"
    path.write_bytes(gzip.compress(content))
    code, output = command("prepare-reference", "--reference", path, "--output", tmp_path / "m.npz")
    assert code == 2
    assert message in output


def test_prepare_reference(study: Path, tmp_path: Path, command: Command) -> None:
    primers = ("--forward-primer", V4_FORWARD, "--reverse-primer", V4_REVERSE)
    code, output = command(
        "prepare-reference", "--reference", study / "reference.fasta.gz", "--output", tmp_path / "m.npz", *primers
    )
    assert (code, "288 sequences" in output) == (0, True)
    swapped = ("--forward-primer", V4_REVERSE, "--reverse-primer", V4_FORWARD)
    code, output = command(
        "prepare-reference", "--reference", study / "reference.fasta.gz", "--output", tmp_path / "n.npz", *swapped
    )
    assert (code, "none of 288 sequences has both primers" in output) == (2, True)


def test_taxonomy_in_a_table(data: Path, tmp_path: Path, command: Command) -> None:
    files = (
        "--reference",
        data / "reference/fc_se-dna-sequences.fasta",
        "--taxonomy",
        data / "reference/fc_taxonomy.tsv",
    )
    code, output = command("prepare-reference", *files, "--output", tmp_path / "m.npz")
    assert code == 0, output
    model = Model.from_bytes((tmp_path / "m.npz").read_bytes(), "m")
    assert ("Bacteria", "Proteobacteria") in {lineage[:2] for lineage in model.lineages}


def test_a_prepared_model_gives_the_same_names_as_its_fasta(study: Path, tmp_path: Path, command: Command) -> None:
    fasta, model = study / "reference.fasta.gz", tmp_path / "model.npz"
    assert command("prepare-reference", "--reference", fasta, "--output", model)[0] == 0
    for name, reference in (("a", fasta), ("b", model)):
        code, _ = command("run", "--reads", study / "reads", "--reference", reference, "--out", tmp_path / name)
        assert code == 0
    assert (tmp_path / "a/taxonomy.tsv").read_bytes() == (tmp_path / "b/taxonomy.tsv").read_bytes()


def test_with_primers_the_reference_is_cut_by_itself(study: Path, tmp_path: Path, command: Command) -> None:
    write_study(tmp_path, Study(samples=1, seed=7, pairs=400, members=4, keep_primers=True))
    primers = ("--forward-primer", V4_FORWARD, "--reverse-primer", V4_REVERSE)
    common = ("run", "--reads", tmp_path / "reads", *primers)
    fasta = tmp_path / "reference.fasta.gz"
    code, output = command(*common, "--reference", fasta, "--out", tmp_path / "a")
    assert (code, "288 of 288 reference sequences have both primers and were cut" in output) == (0, True)
    command("prepare-reference", "--reference", fasta, "--output", tmp_path / "model.npz", *primers)
    assert command(*common, "--reference", tmp_path / "model.npz", "--out", tmp_path / "b")[0] == 0
    assert (tmp_path / "a/taxonomy.tsv").read_bytes() == (tmp_path / "b/taxonomy.tsv").read_bytes()
    cut = "".join(f">{s.taxon}\n{amplicon(s.sequence)[30:-30]}\n" for s in make_strains(np.random.default_rng([7, 0])))
    (tmp_path / "cut.fasta").write_text(cut)
    code, output = command(*common, "--reference", tmp_path / "cut.fasta", "--out", tmp_path / "c")
    assert (code, "only 0 of 288 reference sequences have both primers: whole sequences are used" in output) == (
        0,
        True,
    )

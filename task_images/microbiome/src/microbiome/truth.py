"""Compare an analysis with an expected composition: by sequence where sequences are given, else by taxon.

Understood: a table with the columns `sample-id`, `abundance` and `sequence` or `taxon` (one row per member); a table of
taxa by samples (mockrobiota's expected-taxonomy.tsv); a FASTA of expected sequences without abundances.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass

from microbiome.analysis import Analysis
from microbiome.classifier.lineage import LETTERS, parse_taxon
from microbiome.errors import BadInput

ANY_SAMPLE = ""


@dataclass(frozen=True)
class Expected:
    """`shares`: sample -> member -> share. The sample ANY_SAMPLE stands for all; shares of 0.0 mean 'not stated'."""

    by: str
    shares: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Comparison:
    """`detectable`: members expected with `minsize` reads or more. `bray_curtis` is the mean over samples."""

    by: str
    samples: int
    expected: int
    detectable: int
    found: int
    false: int
    bray_curtis: float | None
    bray_curtis_by_sample: dict[str, float]
    missing_members: list[str]
    false_members: list[str]

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def read_expected(content: bytes, name: str) -> Expected:
    """Parse one of the three forms; raises BadInput with the form that was expected."""
    text = content.decode("utf-8-sig", "replace")
    if text.startswith(">"):
        sequences = ["".join(entry.split("\n")[1:]).upper().replace("U", "T") for entry in text[1:].split("\n>")]
        return Expected("sequence", {ANY_SAMPLE: dict.fromkeys(map(_bare, sequences), 0.0)})
    rows = [line.split("\t") for line in text.splitlines() if line.strip()]
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    try:
        if {"sample-id", "abundance"} <= set(header) and {"sequence", "taxon"} & set(header):
            return _long(header, rows[1:])
        if header and header[0] in ("taxonomy", "taxon", "#otu id") and len(header) > 1:
            return _wide([cell.strip() for cell in rows[0]], rows[1:])
    except (ValueError, IndexError) as error:
        raise BadInput(f"{name}: an expected composition with a faulty row: {error}") from None
    raise BadInput(
        f"{name}: not an expected composition; give a table with sample-id, abundance and sequence or taxon,"
        " a table of taxa by samples (first column Taxonomy), or a FASTA of sequences"
    )


def _bare(sequence: str) -> str:
    return "".join(sequence.split()).replace("-", "").replace(".", "")


def _long(header: list[str], rows: list[list[str]]) -> Expected:
    by = "sequence" if "sequence" in header else "taxon"
    shares: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in rows:
        cell = row[header.index(by)]
        member = _bare(cell).upper() if by == "sequence" else _genus(cell)
        shares[row[header.index("sample-id")]][member] += float(row[header.index("abundance")])
    return Expected(by, {sample: _normal(members) for sample, members in shares.items()})


def _wide(header: list[str], rows: list[list[str]]) -> Expected:
    shares: dict[str, dict[str, float]] = {sample: defaultdict(float) for sample in header[1:]}
    for row in rows:
        for sample, cell in zip(header[1:], row[1:], strict=True):
            shares[sample][_genus(row[0])] += float(cell)
    return Expected("taxon", {sample: _normal(members) for sample, members in shares.items()})


def _normal(members: dict[str, float]) -> dict[str, float]:
    total = sum(members.values())
    return {member: share / total for member, share in members.items() if share > 0}


def _genus(taxon: str) -> str:
    return _label(parse_taxon(taxon))


def _label(names: tuple[str, ...]) -> str:
    """The deepest name with its rank letter: references agree on genera far better than on what is above them."""
    return f"{LETTERS[len(names) - 1]}__{names[-1]}" if names else "Unassigned"


def compare(analysis: Analysis, expected: Expected) -> Comparison | None:
    """None if no sample of the analysis has an expected composition."""
    columns = {name: column for column, name in enumerate(analysis.names)}
    pairs = [(name, name if name in expected.shares else ANY_SAMPLE) for name in columns]
    pairs = [(name, source) for name, source in pairs if source in expected.shares]
    if not pairs:
        return None
    members = sorted({member for _, source in pairs for member in expected.shares[source]})
    observed = {name: _observed(analysis, columns[name], expected.by, members) for name, _ in pairs}
    seen = {member for counts in observed.values() for member, count in counts.items() if count}
    distances = {
        name: _bray_curtis(expected.shares[source], observed[name])
        for name, source in pairs
        if any(expected.shares[source].values())
    }
    reads: dict[str, float] = defaultdict(float)
    for name, source in pairs:
        for member, share in expected.shares[source].items():
            reads[member] += share * analysis.samples[columns[name]].reads["kept"]
    return Comparison(
        expected.by, len(pairs), len(members), sum(count >= analysis.settings.minsize for count in reads.values()),
        len(seen & set(members)), len(seen - set(members)),
        round(sum(distances.values()) / len(distances), 6) if distances else None,
        {name: round(distance, 6) for name, distance in distances.items()},
        sorted(set(members) - seen), sorted(seen - set(members)),
    )  # fmt: skip


def _observed(analysis: Analysis, column: int, by: str, members: list[str]) -> dict[str, int]:
    """Reads of one sample by member. A feature is the expected sequence that it equals, contains or is part of."""
    counts: dict[str, int] = defaultdict(int)
    for row, feature in enumerate(analysis.features):
        count = int(analysis.counts[row, column])
        if not count:
            continue
        if by == "taxon":
            counts[_label(feature.assignment.names)] += count
            continue
        sequence = feature.sequence.decode()
        matches = (member for member in members if sequence in member or member in sequence)
        counts[next(matches, sequence)] += count
    return counts


def _bray_curtis(expected: dict[str, float], observed: dict[str, int]) -> float:
    total = max(sum(observed.values()), 1)
    members = set(expected) | set(observed)
    return sum(abs(expected.get(member, 0.0) - observed.get(member, 0) / total) for member in sorted(members)) / 2

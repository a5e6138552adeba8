"""Sample metadata in QIIME 2's form: first column the sample's name, then anything; `#q2:types` is skipped."""

from dataclasses import dataclass, field

from microbiome import storage
from microbiome.errors import BadInput


@dataclass(frozen=True)
class Metadata:
    """`values`: sample -> column -> text."""

    columns: list[str] = field(default_factory=list)
    values: dict[str, dict[str, str]] = field(default_factory=dict)


def read_metadata(uri: str) -> Metadata:
    """Empty metadata for an empty URI. Rows of samples that the run does not have do no harm."""
    if not uri:
        return Metadata()
    text = storage.read_bytes(uri).decode("utf-8-sig", "replace")
    rows = [line.split("\t") for line in text.splitlines() if line.strip()]
    if not rows or len(rows[0]) < 2:
        raise BadInput(f"{uri}: no metadata table; expected tab-separated text, sample names in the first column")
    header = [cell.strip() for cell in rows[0]]
    values = {}
    for row in rows[1:]:
        if row[0].startswith("#"):
            continue
        cells = [cell.strip() for cell in row] + [""] * (len(header) - len(row))
        values[cells[0]] = dict(zip(header[1:], cells[1:], strict=False))
    return Metadata(header[1:], values)

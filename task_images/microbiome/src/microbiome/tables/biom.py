"""The feature table as BIOM 2.1 (HDF5): http://biom-format.org/documentation/format_versions/biom-2.1.html"""

import io

import h5py
import numpy as np

from microbiome import __version__
from microbiome.analysis import Analysis
from microbiome.classifier.lineage import LETTERS

# The format requires a date. A constant one keeps the file byte-identical between runs.
CREATION_DATE = "2000-01-01T00:00:00"


def biom_bytes(analysis: Analysis) -> bytes:
    """The file's content, with taxonomy as observation metadata."""
    buffer = io.BytesIO()
    counts = analysis.counts
    with h5py.File(buffer, "w") as file:
        file.attrs["id"] = "No Table ID"
        file.attrs["type"] = "OTU table"
        file.attrs["format-url"] = "http://biom-format.org"
        file.attrs["format-version"] = np.array([2, 1], np.int64)
        file.attrs["generated-by"] = f"tasklane-microbiome {__version__}"
        file.attrs["creation-date"] = CREATION_DATE
        file.attrs["shape"] = np.array(counts.shape, np.int64)
        file.attrs["nnz"] = np.int64(np.count_nonzero(counts))
        observation = _axis(file, "observation", [feature.id for feature in analysis.features], counts)
        _axis(file, "sample", analysis.names, counts.T)
        if analysis.features:
            _taxonomy(observation, analysis)
    return buffer.getvalue()


def _axis(file: h5py.File, name: str, ids: list[str], rows: np.ndarray) -> h5py.Group:
    """One axis: its ids, and the table as compressed sparse rows of this axis."""
    group = file.create_group(name)
    for empty in ("metadata", "group-metadata"):
        group.create_group(empty)
    text = h5py.string_dtype("utf-8")
    group.create_dataset("ids", data=np.array(ids, object) if ids else None, shape=(len(ids),), dtype=text)
    row, column = np.nonzero(rows)
    matrix = group.create_group("matrix")
    matrix.create_dataset("data", data=rows[row, column].astype(np.float64), compression="gzip")
    matrix.create_dataset("indices", data=column.astype(np.int32), compression="gzip")
    pointers = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(ids)))])
    matrix.create_dataset("indptr", data=pointers[: len(ids) + 1].astype(np.int32), compression="gzip")
    return group


def _taxonomy(observation: h5py.Group, analysis: Analysis) -> None:
    """Names by rank, padded: the format's convention for hierarchical metadata."""
    rows = []
    for feature in analysis.features:
        names = feature.assignment.names + ("",) * (len(LETTERS) - len(feature.assignment.names))
        rows.append([f"{letter}__{name}" for letter, name in zip(LETTERS, names, strict=True)])
    data = np.array(rows, object)
    observation["metadata"].create_dataset("taxonomy", data=data, dtype=h5py.string_dtype("utf-8"), compression="gzip")

"""The trained classifier: word weights by label in fixed point, and its compact file (numpy .npz)."""

import io
import json
from dataclasses import dataclass
from itertools import accumulate
from zipfile import BadZipFile

import numpy as np

from microbiome.classifier.lineage import RANKS
from microbiome.classifier.reference import Reference
from microbiome.errors import BadInput
from microbiome.kernels.words import WORDS, count_words

# 2^14 units per natural logarithm: sums over 10,000 words stay below 2^31, rounding is far below one word's weight.
UNIT = 1 << 14
FORMAT = 1


@dataclass(frozen=True)
class Model:
    """`columns` and `weights` hold for each word the labels that have it; word w's part is starts[w]:starts[w+1]."""

    lineages: list[tuple[str, ...]]
    starts: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    sizes: np.ndarray
    parents: np.ndarray

    def to_bytes(self) -> bytes:
        buffer = io.BytesIO()
        head = json.dumps({"format": FORMAT, "lineages": self.lineages}, ensure_ascii=False).encode()
        np.savez(
            buffer, head=np.frombuffer(head, np.uint8), starts=self.starts, columns=self.columns,
            weights=self.weights, sizes=self.sizes, parents=self.parents,
        )  # fmt: skip
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, name: str) -> "Model":
        try:
            arrays = np.load(io.BytesIO(content), allow_pickle=False)
            head = json.loads(arrays["head"].tobytes())
        except (ValueError, KeyError, OSError, BadZipFile) as error:
            raise BadInput(f"{name}: not a model made by 'microbiome prepare-reference': {error}") from None
        if head["format"] != FORMAT:
            raise BadInput(f"{name}: model format {head['format']}, this version reads {FORMAT}; prepare it again")
        lineages = [tuple(lineage) for lineage in head["lineages"]]
        return cls(lineages, *(arrays[name] for name in ("starts", "columns", "weights", "sizes", "parents")))


def train(reference: Reference) -> Model:
    """RDP's naive Bayes: P(word | label) = (sequences of the label with the word + prior) / (sequences + 1)."""
    lineages = sorted(set(reference.lineages))
    number = {lineage: index for index, lineage in enumerate(lineages)}
    labels = np.array([number[lineage] for lineage in reference.lineages], np.int64)
    lengths = np.fromiter((len(sequence) for sequence in reference.sequences), np.int64, len(labels))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    text = np.frombuffer(b"".join(reference.sequences), np.uint8)
    order = np.argsort(labels, kind="stable")

    lists, with_word = np.zeros(WORDS, np.int64), np.zeros(WORDS, np.int64)
    count_words(text, offsets, labels, order, lists, np.empty(0, np.int32), np.empty(0, np.int32), with_word)
    starts = np.concatenate([[0], np.cumsum(lists)]).astype(np.int64)
    columns, counts = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.int32)
    count_words(text, offsets, labels, order, starts[:-1].copy(), columns, counts, with_word)

    prior = (with_word + 0.5) / (len(labels) + 1)
    per_entry = np.repeat(prior, lists)
    # The sum of log(prior) over a read's words is the same for every label and left out.
    weights = np.rint(np.log((counts + per_entry) / per_entry) * UNIT).astype(np.int32)
    sizes = np.rint(np.log(np.bincount(labels, minlength=len(lineages)) + 1.0) * UNIT).astype(np.int32)
    return Model(lineages, starts, columns, weights, sizes, _parents(lineages))


def _parents(lineages: list[tuple[str, ...]]) -> np.ndarray:
    """For each label and rank the number of its taxon; lineages that share all names up to the rank share it."""
    numbers: dict[tuple[str, ...], int] = {}
    rows = []
    for lineage in lineages:
        full = lineage + ("",) * (len(RANKS) - len(lineage))
        prefixes = accumulate(((name,) for name in full), lambda left, right: left + right)
        rows.append([numbers.setdefault(prefix, len(numbers)) for prefix in prefixes])
    return np.array(rows, np.int32)

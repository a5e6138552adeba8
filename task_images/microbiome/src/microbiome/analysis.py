"""What an analysis found: the pure result that tables and report are made of."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from microbiome.classifier.assign import Assignment
from microbiome.results import OK, SampleResult
from microbiome.settings import Settings

# A library in one direction has next to none; in a mixed one it is about half.
NOTABLE_SHARE = 0.1


def feature_id(sequence: bytes) -> str:
    """MD5 of the letters, as in QIIME 2: the same sequence has the same name in every run."""
    return hashlib.md5(sequence, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Feature:
    """An ASV. `backwards`: it resembles the reference only as its reverse complement."""

    sequence: bytes
    assignment: Assignment
    backwards: bool = False

    @cached_property
    def id(self) -> str:
        return feature_id(self.sequence)


@dataclass(frozen=True)
class Analysis:
    """`counts` is features x samples; `results` has every sample of the manifest by name; `samples` the good ones."""

    settings: Settings
    results: list[SampleResult]
    features: list[Feature]
    counts: np.ndarray
    chimeras: int

    @property
    def samples(self) -> list[SampleResult]:
        return [result for result in self.results if result.status == OK]

    @property
    def quarantined(self) -> list[SampleResult]:
        return [result for result in self.results if result.status != OK]

    @property
    def names(self) -> list[str]:
        return [sample.key for sample in self.samples]

    def backward_samples(self) -> dict[str, float]:
        """Samples with a notable share of reads that run against the reference, and that share."""
        rows = [row for row, feature in enumerate(self.features) if feature.backwards]
        shares = self.shares()[rows].sum(axis=0)
        found = zip(self.names, shares, strict=True)
        return {name: round(float(share), 4) for name, share in found if share > NOTABLE_SHARE}

    def shares(self) -> np.ndarray:
        """Counts as shares of each sample's mapped reads; a sample without mapped reads has zeros."""
        return self.counts / np.maximum(self.counts.sum(axis=0), 1)

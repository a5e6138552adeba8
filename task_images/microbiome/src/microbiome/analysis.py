"""What an analysis found: the pure result that tables and report are made of."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from microbiome.classifier.assign import Assignment
from microbiome.results import OK, SampleResult
from microbiome.settings import Settings


def feature_id(sequence: bytes) -> str:
    """MD5 of the letters, as in QIIME 2: the same sequence has the same name in every run."""
    return hashlib.md5(sequence, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Feature:
    sequence: bytes
    assignment: Assignment

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

    def shares(self) -> np.ndarray:
        """Counts as shares of each sample's mapped reads; a sample without mapped reads has zeros."""
        return self.counts / np.maximum(self.counts.sum(axis=0), 1)

"""The two kinds of bad input: one that ends the run, and one that costs a single sample."""

from dataclasses import dataclass


class BadInput(Exception):
    """The run cannot go on and a retry would not help; the command exits with code 2."""


@dataclass
class BadSample(Exception):
    """One sample cannot be used. `record` counts from 1; 0 means that the whole file is meant."""

    file: str
    record: int
    reason: str

    def __str__(self) -> str:
        place = f", record {self.record}" if self.record else ""
        return f"{self.file}{place}: {self.reason}"

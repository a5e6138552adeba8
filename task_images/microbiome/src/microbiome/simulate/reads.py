"""Paired reads with an Illumina-like error profile: scores fall along the read, faster in R2, and tell the truth."""

from dataclasses import dataclass

import numpy as np

READ_LENGTH = 250
COMPLEMENT = np.array([3, 2, 1, 0], np.int8)
LETTERS = np.frombuffer(b"ACGT", np.uint8)
# MiSeq v2 reports few different scores; these are the steps of the simulated ones.
STEPS = np.array([12, 15, 20, 25, 30, 34, 36, 38], np.int64)


@dataclass(frozen=True)
class Profile:
    """Mean score at the first and last base; `spread` is how much one read differs from the next, in scores."""

    start: float
    end: float
    spread: float = 3.0


R1_PROFILE, R2_PROFILE = Profile(38.0, 30.0), Profile(37.0, 25.0)


def sequence_reads(
    random: np.random.Generator, templates: np.ndarray, profile: Profile
) -> tuple[np.ndarray, np.ndarray]:
    """Letters and score characters of one read per template row (codes 0-3, at least as long as a read)."""
    count, length = templates.shape
    fall = (np.arange(length) / max(length - 1, 1)) ** 2
    mean = profile.start + (profile.end - profile.start) * fall
    raw = mean + random.normal(0, profile.spread, (count, 1)) + random.normal(0, 2.5, (count, length))
    scores = STEPS[np.clip(np.searchsorted(STEPS, raw) - 1, 0, len(STEPS) - 1)]
    wrong = random.random((count, length)) < 10.0 ** (-scores / 10.0)
    bases = np.where(wrong, (templates + random.integers(1, 4, (count, length))) % 4, templates)
    return LETTERS[bases], (scores + 33).astype(np.uint8)


def pair_templates(fragments: list[np.ndarray], length: int = READ_LENGTH) -> tuple[np.ndarray, np.ndarray]:
    """What R1 and R2 read of each fragment. A fragment shorter than a read goes on into the adapter."""
    adapter = np.array(["ACGT".index(letter) for letter in "AGATCGGAAGAGCACACGTCTGAACTCCAGTCA" * 8], np.int8)
    forward = np.stack([np.concatenate([fragment, adapter])[:length] for fragment in fragments])
    reverse = np.stack([np.concatenate([COMPLEMENT[fragment][::-1], adapter])[:length] for fragment in fragments])
    return forward, reverse


def fastq(sample: str, mate: int, letters: np.ndarray, scores: np.ndarray) -> bytes:
    """FASTQ text; both mates of a pair carry the same name."""
    records = []
    for number, (read, quality) in enumerate(zip(letters, scores, strict=True), start=1):
        head = f"@SIM:1:{sample.replace(' ', '_')}:{number} {mate}:N:0:1\n".encode()
        records.append(head + read.tobytes() + b"\n+\n" + quality.tobytes() + b"\n")
    return b"".join(records)

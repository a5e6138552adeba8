"""How Tasklane reports a bad specification: every problem of a file at once, each with its fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in one place.

    `value` is what was found (None: nothing is there), `allowed` says what may stand there and `fix` what to do.
    """

    file: str
    key: str
    value: object
    what: str
    allowed: str
    fix: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        found = "" if self.value is None else f" = {show(self.value)}"
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        return f"{place}{found}: {self.what}{allowed}; fix: {self.fix}"


class SpecError(Exception):
    """A specification that cannot be used. The text is for people: one line for each problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        if not self.problems:
            raise ValueError("a SpecError needs at least one problem")
        lines = [str(problem) for problem in self.problems]
        super().__init__(lines[0] if len(lines) == 1 else "\n".join([f"{len(lines)} problems:", *lines]))


def show(value: object) -> str:
    """A value as its author wrote it (TOML notation), cut to a readable length."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(show(item) for item in value) + "]"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{key} = {show(item)}" for key, item in value.items()) + "}"
    else:
        text = str(value)
    return text if len(text) <= 120 else text[:117] + "..."


def closest(word: object, candidates: Sequence[str]) -> str | None:
    """The candidate that was probably meant, if one is near enough; `word` may be of any type that stood there."""
    if not isinstance(word, str):
        return None
    matches = difflib.get_close_matches(word, candidates, n=1, cutoff=0.6)
    return matches[0] if matches else None

"""What a program said last: the user's own exception, as the reason of its failure. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_BEGIN = "Traceback (most recent call last):"


def traceback_of(lines: Sequence[str]) -> list[str]:
    """The last traceback among the lines, with its exception; [] if there is none."""
    begins = [number for number, line in enumerate(lines) if line.strip() == _BEGIN]
    return list(lines[begins[-1] :]) if begins else []


def reason(lines: Sequence[str]) -> str:
    """Class and message of the user's exception; without a traceback the last line that says something."""
    for line in traceback_of(lines)[1:]:
        if line and not line.startswith(" "):
            return line
    return next((line for line in reversed(lines) if line.strip()), "it wrote nothing")

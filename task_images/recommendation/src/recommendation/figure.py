"""Hit rate over factors, a line per regularisation, and what popularity reaches: an SVG that stands alone.

The same points give the same bytes. Numbers alone go in, so nothing has to be escaped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 736, 400  # the height at least: many series have a longer key
LEFT, RIGHT, TOP, BOTTOM = 64, 196, 24, 56
KEY_LINE, NAME_WIDTH = 22, 36
PALETTE = ("#3b76d6", "#e8833a", "#3a9d5d", "#c9473f", "#8b62c4", "#d9a514", "#2aa5b5", "#d45d9a")
# Beyond the palette: the same colours again, with another stroke.
STROKES = ("", "2 3", "10 3", "10 3 2 3")
SOFT, LINE = "#5b6675", "#dde2e9"


class Point(NamedTuple):
    """One point of the grid that has a result."""

    factors: int
    regularization: float
    hit_rate: float


def drawn(points: Sequence[Point], popularity: float) -> str:
    """Factors stand at equal distances, as a grid doubles them; the hit rate begins at 0."""
    factors = sorted({point.factors for point in points})
    highest = max(popularity, *(point.hit_rate for point in points))
    step = _step(highest)
    top = step * max(1, math.ceil(highest / step))
    parts = [_text(LEFT, TOP - 8, "hit rate at 10", SOFT), *_grid(step, top), *_names(factors)]
    series = sorted({point.regularization for point in points})
    for number, regularization in enumerate(series):
        colour, stroke = PALETTE[number % len(PALETTE)], STROKES[number // len(PALETTE) % len(STROKES)]
        line = sorted(point for point in points if point.regularization == regularization)
        at = [(_x(factors.index(point.factors), len(factors)), _y(point.hit_rate, top)) for point in line]
        parts += _series(at, colour, stroke)
        parts += _key(number, f"regularization {regularization:g}", colour, stroke)
    level = _y(popularity, top)
    parts.append(_line(LEFT, level, WIDTH - RIGHT, level, SOFT, _dashes("6 4")))
    parts += _key(len(series), f"popularity {popularity:.3f}", SOFT, "6 4")
    height = max(HEIGHT, TOP + 10 + KEY_LINE * (len(series) + 1))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13">\n<title>Hit rate at 10 by factors and regularization'
        f'</title>\n<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _grid(step: float, top: float) -> list[str]:
    levels = [step * number for number in range(round(top / step) + 1)]
    lines = [_line(LEFT, _y(level, top), WIDTH - RIGHT, _y(level, top), LINE) for level in levels]
    return lines + [_text(LEFT - 8, _y(level, top) + 4, f"{level:g}", SOFT, "end") for level in levels]


def _names(factors: list[int]) -> list[str]:
    each = math.ceil(len(factors) * NAME_WIDTH / (WIDTH - RIGHT - LEFT))  # names of neighbours must not meet
    named = list(enumerate(factors))[::each]
    shown = [_text(_x(n, len(factors)), HEIGHT - BOTTOM + 20, str(f), SOFT, "middle") for n, f in named]
    return [*shown, _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 42, "factors", SOFT, "middle")]


def _series(at: list[tuple[float, float]], colour: str, stroke: str) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in at]
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{_dashes(stroke)}/>', *dots]


def _key(number: int, label: str, colour: str, stroke: str) -> list[str]:
    y = TOP + 10 + KEY_LINE * number
    return [
        _line(WIDTH - RIGHT + 14, y, WIDTH - RIGHT + 34, y, colour, ' stroke-width="2"' + _dashes(stroke)),
        _text(WIDTH - RIGHT + 40, y + 4, label, "#1c2430"),
    ]


def _dashes(stroke: str) -> str:
    return f' stroke-dasharray="{stroke}"' if stroke else ""


def _x(place: int, places: int) -> float:
    return LEFT + (WIDTH - RIGHT - LEFT) * (place + 0.5) / places


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top


def _step(highest: float) -> float:
    """A round step for about five lines."""
    if highest <= 0:
        return 0.2
    power = 10.0 ** math.floor(math.log10(highest / 5))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= highest / 5)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def _text(x: float, y: float, text: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{text}</text>'

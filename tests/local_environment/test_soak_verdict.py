"""The soak's judgement: a leak rises, noise does not."""

import random

import pytest

from tests.soak.meter import Sample, Series, slope
from tests.soak.run import _figures


def series(mib_per_hour: float, handles_per_hour: float = 0.0, minutes: int = 30, noise: float = 1.0) -> Series:
    chance = random.Random(1)  # noqa: S311 (noise)
    found = Series("x")
    for second in range(0, minutes * 60, 10):
        rise = second / 3600
        mib = 100 + mib_per_hour * rise + chance.uniform(-noise, noise)
        found.samples.append(Sample(second, mib, round(20 + handles_per_hour * rise)))
    return found


def test_slope_of_a_line() -> None:
    assert slope([(0, 1), (2, 5), (4, 9)]) == pytest.approx(2)
    assert slope([(1, 5)]) == slope([(1, 5), (1, 9)]) == 0


@pytest.mark.parametrize(
    ("given", "rises"),
    [
        (series(0), False),
        (series(5, noise=8), False),
        (series(120), True),
        (series(0, handles_per_hour=100), True),
        (series(120, minutes=5), False),  # too short to tell
    ],
)
def test_what_rises(given: Series, rises: bool) -> None:
    assert _figures(given)["rises"] is rises

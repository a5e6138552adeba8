"""What AWS asks: one table (`table.py`), and the arithmetic on it. Pure.

A price that no source supports is not in the table: what needs it says "unknown" and is never guessed.
"""

from platform_spec.prices.fargate import MINIMUM_SECONDS, SPOT_DISCOUNT, Rates, rates, task_cost
from platform_spec.prices.table import HOURS_PER_MONTH, REGIONS, Price, price

__all__ = [
    "HOURS_PER_MONTH",
    "MINIMUM_SECONDS",
    "REGIONS",
    "SPOT_DISCOUNT",
    "Price",
    "Rates",
    "price",
    "rates",
    "task_cost",
]

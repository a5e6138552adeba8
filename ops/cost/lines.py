"""Lines of a bill: how much of what, at which price. Pure."""

from dataclasses import dataclass
from typing import Any

from platform_spec.prices import HOURS_PER_MONTH, Price


@dataclass(frozen=True)
class Line:
    """`quantity` pieces that are there the whole month; `price` None: not known in this Region."""

    group: str
    what: str
    quantity: float
    price: Price | None
    item: str  # of the price table

    @property
    def usd_month(self) -> float | None:
        if self.price is None:
            return None
        return self.price.usd * self.quantity * (HOURS_PER_MONTH if self.price.per == "hour" else 1)

    def as_dict(self) -> dict[str, Any]:
        found = {"group": self.group, "what": self.what, "quantity": self.quantity, "item": self.item}
        month = self.usd_month
        if self.price is None or month is None:
            return {**found, "usd_month": None}
        price = self.price
        return {**found, "usd": price.usd, "per": price.per, "usd_month": round(month, 2), "source": price.source,
                "read": price.read}  # fmt: skip


def total(lines: list[Line]) -> float:
    """USD per month of what has a price."""
    return sum(line.usd_month or 0.0 for line in lines)

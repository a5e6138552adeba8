"""One container (or what an earlier try left of several) on a bill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Container:
    """Of one task instance. `facts` as the DAG kit wrote them; what is not known is not there."""

    dag_id: str
    run_id: str
    task: str
    state: str
    facts: dict[str, Any]

    @property
    def usd(self) -> float | None:
        """At the list price on demand, also for Spot; None: not known."""
        cost = self.facts.get("cost_usd")
        return None if cost is None else float(cost)

    @property
    def spot_usd(self) -> float:
        """What of it ran on Spot."""
        if "spot_usd" in self.facts:
            return float(self.facts["spot_usd"])
        return (self.usd or 0.0) if self.facts.get("capacity") == "spot" else 0.0

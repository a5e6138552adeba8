"""The fault switch. Nothing armed does nothing."""

from typing import Any

Json = dict[str, Any]


class FaultSwitch:
    """Rules that make calls and tasks fail on purpose."""

    def __init__(self) -> None:
        self.armed = False

    def connect(self, agent: Any) -> None:
        """The agent whose tasks are interrupted or killed."""

    def start_latency(self, record: Json) -> float:
        """Seconds a task stays PENDING."""
        return 0.0

    def pull_error(self, record: Json) -> str | None:
        """The reason why the image cannot be pulled."""
        return None

    def capacity_failure(self, provider: str, cluster: str) -> Any:
        """A RunTask failure or error answer, or None."""
        return None

    def describe(self) -> Json:
        """Rules and how often each fired."""
        return {"rules": []}

    def clear(self) -> None:
        """Remove all rules."""

    def add(self, asked: Any) -> Json:
        """Add rules."""
        raise ValueError("no faults are known yet")

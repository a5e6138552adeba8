"""How far a fan-out is, and when it will be done. Pure: times are given, in seconds since 1970."""

from __future__ import annotations

import datetime as dt
from collections import deque
from typing import Any

from lanes.fan_outs.state import FanOutState

# The rate is taken over this many looks: old enough to be calm, young enough to follow a change.
_LOOKS = 60


class Progress:
    def __init__(self, started_at: float, state: FanOutState) -> None:
        self.started_at = started_at
        self._looks: deque[tuple[float, int]] = deque([(started_at, 0)], maxlen=_LOOKS)
        if state.ended:
            self._looks.clear()

    def note(self, state: FanOutState, now: float) -> None:
        if not self._looks or self._looks[-1][1] != state.ended:
            self._looks.append((now, state.ended))

    def eta_seconds(self, state: FanOutState, now: float) -> float | None:
        """Seconds to the end at the rate of the last looks; None until something has ended."""
        if not self._looks:
            return None
        since, had = self._looks[0]
        done = state.ended - had
        if done <= 0 or now <= since:
            return None
        return (state.total - state.ended) * (now - since) / done

    def facts(self, state: FanOutState, now: float) -> dict[str, Any]:
        eta = self.eta_seconds(state, now)
        return {
            "total": state.total,
            "succeeded": len(state.succeeded),
            "failed": len(state.failed),
            "running": len(state.running),
            "waiting": len(state.waiting),
            "seconds": round(now - self.started_at, 1),
            "eta_seconds": None if eta is None else round(eta, 1),
            "at": dt.datetime.fromtimestamp(now, dt.UTC).isoformat(timespec="seconds"),
        }

    def line(self, state: FanOutState, now: float) -> str:
        eta = self.eta_seconds(state, now)
        left = "" if state.over else f", about {span(eta)} left" if eta is not None else ", time left not known yet"
        waiting = f", {len(state.waiting)} not dispatched" if state.waiting else ""
        return (
            f"{state.ended} of {state.total} batches ended: {len(state.succeeded)} succeeded, {len(state.failed)} "
            f"failed; {len(state.running)} open{waiting}; {span(now - self.started_at)} so far{left}"
        )


def span(seconds: float) -> str:
    """45 s, 3 min 20 s, 2 h 05 min"""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"

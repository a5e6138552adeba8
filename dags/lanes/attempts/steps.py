"""The state machine of an attempt: which container comes next, after AWS took one away or it needed more memory.

Pure, and without memory of its own: the next step follows from the last one and its failure, so that another triggerer
that finds the container goes on where the first one was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lanes.attempts.failures import Failure, Kind
from lanes.attempts.identity import Attempt
from lanes.attempts.launch import Launch

ON_DEMAND, SPOT, SPOT_FIRST = "on_demand", "spot", "spot_first"
CAPACITIES = (ON_DEMAND, SPOT, SPOT_FIRST)
# Containers that AWS may take from one attempt before it fails (growing to the next size is bounded by the sizes).
MOST_RELAUNCHES = 5


@dataclass(frozen=True)
class Step:
    """Launch number, index of the size, and whether on Spot."""

    number: int
    size: int
    spot: bool


def first_step(launch: Launch) -> Step:
    return Step(0, 0, launch.capacity in (SPOT, SPOT_FIRST))


def next_step(launch: Launch, step: Step, failure: Failure) -> Step | None:
    """The step after `failure`, or None: the attempt has failed."""
    if failure.kind is Kind.MEMORY and step.size + 1 < len(launch.sizes):
        return Step(step.number + 1, step.size + 1, step.spot)
    if failure.kind in (Kind.SPOT, Kind.CAPACITY) and step.number < MOST_RELAUNCHES:
        return Step(step.number + 1, step.size, step.spot and launch.capacity == SPOT)
    return None


@dataclass(frozen=True)
class Found:
    """A container of this task instance that exists already."""

    arn: str
    created_at: float
    attempt_id: str
    life: str
    result_uri: str | None
    step: Step
    running: bool
    succeeded: bool

    @classmethod
    def told(
        cls, environment: dict[str, str], *, arn: str, created_at: float, size: int, spot: bool, running: bool,
        succeeded: bool,
    ) -> Found:  # fmt: skip
        """From what the lane knows of it and from the environment that its launch gave it."""
        return cls(
            arn=arn,
            created_at=created_at,
            attempt_id=environment.get("TASKLANE_ATTEMPT", ""),
            life=environment.get("TASKLANE_LIFE", ""),
            result_uri=environment.get("TASKLANE_RESULT_URI"),
            step=Step(number=int(environment.get("TASKLANE_LAUNCH", "0")), size=size, spot=spot),
            running=running,
            succeeded=succeeded,
        )


def choose(found: Sequence[Found], attempt: Attempt) -> tuple[Found | None, list[Found]]:
    """Which container this attempt goes on with (None: start one), and which must be stopped first.

    - One of this very attempt: the last one, in whatever state; of twins (a submission that arrived twice) the one that
      was not ended for it.
    - Else the newest of all, if nobody cleared the task since (its worker or host died, or the fan-out that waited for
      it was cancelled) and it still runs or has succeeded. A failed one was that attempt's failure.
    - Airflow runs one attempt at a time: everything else that still runs belongs to nobody.
    """
    mine = [container for container in found if container.attempt_id == attempt.attempt_id]
    chosen = max(mine, key=lambda each: (each.step.number, each.running or each.succeeded), default=None)
    if chosen is None and found:
        newest = max(found, key=lambda container: container.created_at)
        if attempt.goes_on_from(newest.attempt_id, newest.life) and (newest.running or newest.succeeded):
            chosen = newest
    return chosen, [container for container in found if container.running and container is not chosen]

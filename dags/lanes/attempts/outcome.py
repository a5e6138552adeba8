"""How an attempt ended."""

from __future__ import annotations

from dataclasses import dataclass

from lanes.attempts.engine import Seen
from lanes.attempts.failures import Failure
from lanes.attempts.steps import Step


@dataclass(frozen=True)
class Outcome:
    """`failure` None is success. `seen` is the last description of the last container."""

    failure: Failure | None
    step: Step
    arn: str | None
    result_uri: str | None
    seen: Seen | None

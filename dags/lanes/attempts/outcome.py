"""How an attempt ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lanes.attempts.engine import Seen
from lanes.attempts.failures import Failure
from lanes.attempts.steps import Step


@dataclass(frozen=True)
class Outcome:
    """`failure` None is success. `seen` is the last description of the last container, `result` its document."""

    failure: Failure | None
    step: Step
    arn: str | None
    result_uri: str | None
    seen: Seen | None
    result: dict[str, Any] = field(default_factory=dict)

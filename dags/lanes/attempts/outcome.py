"""How an attempt ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lanes.attempts.engine import Seen
from lanes.attempts.failures import Failure
from lanes.attempts.steps import Step


@dataclass(frozen=True)
class Ended:
    """A container of the attempt that another one followed: AWS took it away, or it needed more memory."""

    step: Step
    seen: Seen


@dataclass(frozen=True)
class Outcome:
    """`failure` None is success. `seen` is the last description of the last container, `result` its document.

    `earlier` are the containers before it that this process has watched to their end: they are billed as well.
    """

    failure: Failure | None
    step: Step
    arn: str | None
    result_uri: str | None
    seen: Seen | None
    result: dict[str, Any] = field(default_factory=dict)
    earlier: tuple[Ended, ...] = ()

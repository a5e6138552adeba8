"""The [batch] table of an environment: how much AWS Batch may run at once."""

from __future__ import annotations

from pydantic import Field

from platform_spec.loading import Spec


class BatchSettings(Spec):
    """Bounds on cost: jobs beyond them wait in their queue."""

    max_vcpus: int = Field(
        default=256, ge=1, le=16_384, description="1 to 16384 vCPUs at once in each compute environment"
    )

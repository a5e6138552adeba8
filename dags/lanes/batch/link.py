"""The button to the job in the AWS console."""

from __future__ import annotations

from lanes.attempts.links import ContainerLink


class JobLink(ContainerLink):
    """Kept under the same XCom as the ECS task's: the fan-out page shows either."""

    name = "Batch job"

    @property
    def xcom_key(self) -> str:
        return ContainerLink().xcom_key

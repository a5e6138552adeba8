"""The [docker] table of an environment: Airflow runs on machines of one's own, with a container engine beside it."""

from __future__ import annotations

from pydantic import Field

from platform_spec.loading import Spec


class DockerSettings(Spec):
    """Without this table the lane `docker` is refused: MWAA's workers have no engine."""

    worker_role: str = Field(
        pattern=r"^arn:aws(-cn|-us-gov)?:iam::\d{12}:role/[\w+=,.@/-]+$",
        description="the ARN of the role that Airflow's workers act with, in this account",
        examples=['"arn:aws:iam::111122223333:role/airflow-worker"'],
    )

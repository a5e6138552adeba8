"""The order to AWS Batch: the arguments of SubmitJob."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lanes.attempts.identity import Attempt
from lanes.attempts.lane_request import lane_request
from lanes.attempts.launch import Launch, LaunchError, Size, tag_value
from lanes.batch.names import job_name

if TYPE_CHECKING:
    from lanes.batch.operator import SubmitBatchJob
    from lanes.fan_outs.array_jobs.operator import ArrayFanOut
    from platform_spec.manifest import Manifest

MAX_REQUEST_BYTES = 30 * 1024  # "Maximum job payload size (for SubmitJob API operations)" (Batch user guide, quotas)
SHORTEST_TIMEOUT_SECONDS = 60  # of JobTimeout
# The trigger stops a job that is late; Batch itself does where no triggerer runs.
TIMEOUT_SLACK_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class BatchLaunch(Launch):
    """One attempt's order to AWS Batch. `spot_job_queue` is empty where the task may not run on Spot."""

    job_definition: str
    job_queue: str
    spot_job_queue: str = ""

    def request(self, launch: int, size: Size, *, spot: bool) -> dict[str, Any]:
        """The arguments of SubmitJob for launch number `launch` (0 = first) of this attempt."""
        return {
            **self.placed(size, spot=spot),
            "jobName": job_name(self.attempt, launch),
            "containerOverrides": {
                "command": self.command,
                "environment": self.container_environment(launch),
                "resourceRequirements": resources(size),
            },
        }

    def placed(self, size: Size, *, spot: bool) -> dict[str, Any]:
        """What every job of this order has: where it runs, how often, how long, whose it is."""
        seconds = max(SHORTEST_TIMEOUT_SECONDS, ceil(self.timeout_seconds) + TIMEOUT_SLACK_SECONDS)
        return {
            "jobQueue": self.spot_job_queue if spot else self.job_queue,
            "jobDefinition": self.job_definition,
            "retryStrategy": {"attempts": 1},  # the trigger decides what comes after a failure
            "timeout": {"attemptDurationSeconds": seconds},
            "propagateTags": True,
            "tags": {key: tag_value(value) for key, value in self.tags.items()},
        }

    @property
    def queues(self) -> list[str]:
        return [queue for queue in (self.job_queue, self.spot_job_queue) if queue]

    def console_url(self, arn: str) -> str:
        return (
            f"https://{self.region}.console.aws.amazon.com/batch/home?region={self.region}#jobs/detail/"
            f"{quote(arn, safe='')}"
        )

    def check(self) -> None:
        super().check()
        if self.capacity != "on_demand" and not self.spot_job_queue:
            raise LaunchError(
                f"{self.where}: capacity {self.capacity!r}, but the task may not run on Spot; "
                f"set spot = true in its task.toml and deploy, or leave capacity out"
            )
        length = max(len(json.dumps(self.request(0, size, spot=False)).encode()) for size in self.sizes)
        if length > MAX_REQUEST_BYTES:
            raise LaunchError(
                f"{self.where}: command and environment make a request of {length} bytes, SubmitJob takes "
                f"{MAX_REQUEST_BYTES}; write the list to S3 and pass its URI"
            )


def resources(size: Size) -> list[dict[str, str]]:
    """`size` as ResourceRequirements: vCPUs, MiB, and GPUs where it has some."""
    gpus = [{"type": "GPU", "value": str(size.gpus)}] if size.gpus else []
    return [
        {"type": "VCPU", "value": f"{size.cpu_units / 1024:g}"},
        {"type": "MEMORY", "value": str(size.memory_mib)},
        *gpus,
    ]


def launch_of(
    task: SubmitBatchJob | ArrayFanOut, attempt: Attempt, manifest: Manifest, *, every_size: bool = False
) -> BatchLaunch:
    """Everything SubmitJob needs for one attempt at `task`. Raises LaunchError for what the lane does not offer."""
    lane = manifest.task(task.name)
    return BatchLaunch(
        **lane_request(task, attempt, manifest, every_size=every_size),
        job_definition=lane.job_definition_arn,
        job_queue=lane.job_queue_arn,
        spot_job_queue=lane.spot_job_queue_arn,
    )

"""An attempt's way to its jobs: SubmitJob, ListJobs, DescribeJobs, TerminateJob."""

from __future__ import annotations

import asyncio
import datetime as dt
import time

from lanes.attempts.engine import Seen
from lanes.attempts.steps import Found, Step
from lanes.aws.calls import AwsCalls
from lanes.aws.poller import Description
from lanes.batch.launch import BatchLaunch, resources
from lanes.batch.names import name_prefix
from lanes.batch.poller import BatchPoller
from lanes.batch.submit import listed, settled, submit
from lanes.batch.verdict import is_stuck, of_job, waits_for

ENDED = ("SUCCEEDED", "FAILED")
# A trigger that is younger has been in no other process that may just have submitted a job which ListJobs does not
# show yet: Airflow gives a trigger to another triggerer after 30 s without a sign of life.
FRESH_SECONDS = 10.0


class BatchEngine:
    """`prepared_at` is when the worker made the request, in seconds since 1970."""

    look_first = True  # no client token: nobody knows whether this trigger has run before

    def __init__(self, launch: BatchLaunch, calls: AwsCalls, poller: BatchPoller, prepared_at: float) -> None:
        self._launch = launch
        self.calls = calls
        self.poller = poller
        self._prepared_at = prepared_at

    async def find(self) -> list[Found]:
        """The oldest first: of two jobs of one launch the first one counts."""
        look = listed if time.time() - self._prepared_at < FRESH_SECONDS else settled
        known = await look(self.calls, self._launch.queues, f"{name_prefix(self._launch.attempt)}*")
        described = await asyncio.gather(*(self.poller.next(job["jobId"]) for job in known))
        return [self._found(job) for job in described if job]

    async def start(self, step: Step) -> str:
        size = self._launch.sizes[step.size]
        request = self._launch.request(step.number, size, spot=step.spot)
        return await submit(self.calls, request, self._launch.attempt.stop_reason("submitted twice"))

    def read(self, description: Description) -> Seen:
        ended, started_at = description["status"] in ENDED, _moment(description, "startedAt")
        return Seen(
            arn=description["jobId"],
            status=description["status"],
            ended=ended,
            failure=of_job(description, self._launch.attempt.attempt_id) if ended else None,
            log_stream=description.get("container", {}).get("logStreamName")
            if _moment(description, "startedAt")
            else None,
            created_at=_moment(description, "createdAt"),
            started_at=started_at,
            stopped_at=_moment(description, "stoppedAt"),
            stuck=is_stuck(description),
            waits_for=waits_for(description),
        )

    async def stop(self, arn: str, reason: str) -> None:
        await self.calls.call("batch", "terminate_job", jobId=arn, reason=reason)

    def _found(self, job: Description) -> Found:
        container = job.get("container", {})
        asked = {(one["type"], one["value"]) for one in container.get("resourceRequirements", [])}
        sizes = [{(one["type"], one["value"]) for one in resources(size)} <= asked for size in self._launch.sizes]
        return Found.told(
            {pair["name"]: pair["value"] for pair in container.get("environment", [])},
            arn=job["jobId"],
            created_at=job.get("createdAt", 0) / 1000,
            size=sizes.index(True) if True in sizes else 0,
            spot=bool(self._launch.spot_job_queue) and job.get("jobQueue") == self._launch.spot_job_queue,
            running=job["status"] not in ENDED,
            succeeded=job["status"] == "SUCCEEDED",
        )


def _moment(job: Description, key: str) -> dt.datetime | None:
    """Batch counts milliseconds since 1970."""
    return dt.datetime.fromtimestamp(job[key] / 1000, dt.UTC) if job.get(key) else None

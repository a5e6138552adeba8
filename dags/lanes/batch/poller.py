"""Descriptions of jobs, for all attempts of this process."""

from __future__ import annotations

from lanes.aws.poller import Description, Poller


class BatchPoller(Poller):
    budget = "describe_jobs"

    async def _describe(self, arns: list[str]) -> dict[str, Description | None]:
        """DescribeJobs leaves out what it does not know."""
        answer = await self._calls.call("batch", "describe_jobs", paid=True, jobs=arns)
        unknown: dict[str, Description | None] = dict.fromkeys(arns)
        return unknown | {job["jobId"]: job for job in answer.get("jobs", [])}
